#pragma once
// What the log does not answer by itself, in SQLite: the journal by record, entity and text, old commands, and the last
// values. Follows the log by arrival number, any time later; never the truth. When it is missing, damaged, of another
// layout, of another store or ahead of the log, it is thrown away and made again from the log (last values excepted:
// they are volatile).
//
// Any thread; calls exclude each other.
#include <functional>
#include <memory>
#include <mutex>

#include "store/log.hpp"
#include "store/sqlite.hpp"

namespace airbridge::store {

inline constexpr std::string_view index_name = "index.sqlite";
inline constexpr std::size_t index_page_max = 1000;  // rows of one answer

// What the index keeps of an event; made by a function of the caller, so that the store need not know the records.
struct IndexedEvent {
  std::string entity;  // text form of its id
  std::uint16_t record = 0;
  std::uint8_t via = 0;
  UtcTime time{};    // when the author says it happened
  std::string text;  // what a search finds
};
using Describe = std::function<IndexedEvent(const StoredEntry& entry)>;

struct IndexRow {
  std::uint64_t arrival = 0;
  UtcTime arrived{};
  model::Dot dot;
  IndexedEvent event;
};

struct IndexQuery {
  std::uint64_t after = 0;            // arrival numbers above this
  std::uint64_t before = UINT64_MAX;  // and below this
  std::size_t limit = 100;            // at most index_page_max
  bool newest_first = false;
  std::optional<std::string> entity;
  std::optional<std::uint16_t> record;
  std::string text;  // words that must all occur somewhere in the event's text, in any case; empty: all
};

struct LastValue {
  std::string subject;
  std::uint16_t kind = 0;
  std::string source;
  UtcTime time{};
  Bytes value;
};

class Index {
 public:
  // Opens or makes the file `path` for the store of `incident`.
  static SqlResult<std::unique_ptr<Index>> open(const std::string& path, const model::IncidentId& incident,
                                                Describe describe);

  // Compares with the log and starts anew when the index is not of it. Call once before follow().
  SqlResult<void> check_against(Log& log);
  // Takes in what comes next, in one transaction: `after` is what applied() said, `records` are those of
  // Log::read_from(after + 1, ...). When the index was made anew meanwhile, or is now because it is found damaged,
  // nothing is taken in and applied() says 0: the caller just goes on from there.
  SqlResult<void> apply(std::uint64_t after, const std::vector<StoredRecord>& records);
  std::uint64_t applied() const;
  std::uint64_t rebuilt() const;  // how often it was made anew since open()

  SqlResult<std::vector<IndexRow>> events(const IndexQuery& query);
  SqlResult<std::vector<model::Dot>> command(const model::CommandId& id);
  SqlResult<void> put_last_values(const std::vector<LastValue>& values);
  SqlResult<std::vector<LastValue>> last_values();
  // Forgets the last values measured before `until`, and of the others all but the newest `count_max`.
  SqlResult<void> prune_last_values(UtcTime until, std::size_t count_max);

 private:
  Index(std::string path, const model::IncidentId& incident, Describe describe)
      : path_(std::move(path)), incident_(incident), describe_(std::move(describe)) {}
  SqlResult<void> open_file();
  SqlResult<void> make_anew();
  SqlResult<void> apply_in_transaction(const std::vector<StoredRecord>& records);
  SqlResult<bool> agrees_with(Log& log);
  SqlResult<std::vector<IndexRow>> select_events(const IndexQuery& query);
  SqlResult<std::vector<model::Dot>> select_command(const model::CommandId& id);
  SqlResult<std::vector<LastValue>> select_last_values();
  template <class T>
  SqlResult<T> heal(SqlResult<T> outcome);

  const std::string path_;
  const model::IncidentId incident_;
  const Describe describe_;
  mutable std::mutex mutex_;
  std::optional<Database> database_;
  std::uint64_t applied_ = 0;
  std::uint64_t rebuilt_ = 0;
};

}  // namespace airbridge::store
