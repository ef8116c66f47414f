#pragma once
// The journal's index and the table of last values beside the log (store::Index), kept up by a thread of its own so
// that neither commands nor readers wait for it. find() from any thread, remember() and catch_up() from the core's.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.hpp"
#include "store/writer.hpp"

namespace airbridge::app {

inline constexpr std::size_t last_values_waiting_max =
    50'000;  // subjects; beyond, further ones are not kept for a restart
inline constexpr Milliseconds last_values_every{5'000};
// Nothing is shown longer than this after it was heard (model::lost_after, and at most a day where the sender says so).
inline constexpr Milliseconds last_values_kept{24 * 3600 * 1000};
inline constexpr std::size_t last_values_max = 100'000;  // the newest
inline constexpr Milliseconds last_values_prune_every{10 * 60 * 1000};
inline constexpr std::size_t last_values_document_bytes_max = 16U << 20;  // waiting; beyond, without their documents

// Records taken in with one transaction; at the stop, at most so many of these: what is left is taken in after the next
// start. An index that is made anew for a large log would hold up the stop for minutes.
inline constexpr std::size_t index_batch_records = 4'000;
inline constexpr int index_batches_at_stop = 2;

class JournalIndex {
 public:
  // An event of the log as the index lists it. Without an entry when the log cannot give it any more (damage).
  struct Place {
    std::uint64_t arrival = 0;
    UtcTime arrived{};
    model::Dot dot;
    std::optional<model::Entry> entry;  // its stream says whether it stands on a branch
  };
  static Result<std::unique_ptr<JournalIndex>, std::string> open(const std::string& directory,
                                                                 const model::IncidentId& incident,
                                                                 store::Writer& writer, const Clock& clock,
                                                                 std::size_t batch_records = index_batch_records);
  virtual ~JournalIndex() = default;  // ends the thread; takes in a little that is left, as said above

  virtual void catch_up() = 0;  // the log has grown
  struct Found {
    std::vector<Place> places;
    std::uint64_t through = 0;  // arrival number up to which events were looked at
  };
  // Waits at most `wait` for events that are on disk but not indexed yet, so that what was just written is found.
  virtual Found find(const api::JournalQuery& query, Milliseconds wait) = 0;
  // The latest events about a record, newest first, without waiting for what is not indexed yet.
  virtual std::vector<Place> latest(const model::EntityId& entity, std::size_t limit) = 0;
  virtual std::vector<model::Dot> command(const model::CommandId& id) = 0;
  virtual void remember(const model::Observation& observation) = 0;
  virtual std::vector<model::Observation> last_values() = 0;
};

}  // namespace airbridge::app
