#pragma once
// What the API needs of the node behind it. Called on the API's loop thread; `done` callbacks may come from any thread.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/comparison.hpp"
#include "api/json_values.hpp"
#include "api/status.hpp"
#include "model/entry.hpp"
#include "picture/picture.hpp"

namespace airbridge::api {

struct CommandDone {
  model::EntityId entity;
  std::string display;  // "C-7K3QX"; empty when nothing was written
  std::vector<model::Dot> dots;
  model::Class cls = model::Class::Routine;
  bool repeated = false;
};
using CommandResult = Result<CommandDone, CommandError>;

struct JournalQuery {
  std::optional<model::EntityId> entity;  // newest first when given, else by arrival
  std::uint64_t after = 0;
  std::size_t limit = 200;
  std::string record;
  std::string text;
};

// One event of the journal, decoded.
struct JournalRow {
  std::uint64_t arrival = 0;
  UtcTime arrived{};
  model::Dot dot;
  std::optional<model::Event> event;  // none: not readable by this version
  std::string why_not;                // why it is not folded; empty when it is
};

inline constexpr std::size_t journal_limit_max = 1000;

// The index follows the log; while it is made anew, or a moment after a write, it does not reach the log's end.
struct JournalPage {
  std::vector<JournalRow> rows;
  std::uint64_t indexed_through = 0;  // arrival number
  std::uint64_t durable_to = 0;
  bool complete() const { return indexed_through >= durable_to; }
};

// A copy of the incident that is made, or was since the node started.
struct BackupInfo {
  enum class State { Running, Done, Failed };
  std::uint64_t id = 0;
  State state = State::Running;
  std::string file;               // where it is, once done
  std::uint64_t bytes = 0;        // written so far
  std::uint64_t bytes_about = 0;  // in the end
  std::string why;                // of Failed
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::shared_ptr<const picture::Picture> picture() = 0;  // never null
  virtual std::shared_ptr<const Status> status() = 0;             // never null
  virtual void command(model::Draft draft, std::function<void(CommandResult)> done) = 0;
  virtual void own_position(std::optional<Position> position, std::function<void(CommandResult)> done) = 0;
  // Never waits on the caller's thread: `done` comes when the index has caught up, or says how far it is.
  virtual void journal(JournalQuery query, std::function<void(Result<JournalPage, CommandError>)> done) = 0;
  // A recorded ADS-B feed, played at once; counts, or what is wrong with it.
  struct Played {
    std::uint64_t observations = 0, aircraft = 0, refused = 0;
  };
  virtual void recording(std::string name, std::string text,
                         std::function<void(Result<Played, CommandError>)> done) = 0;
  // Begins to copy the incident into a new file in the node's folder; one at a time.
  virtual Result<BackupInfo, CommandError> begin_backup(bool with_keys) = 0;
  virtual std::optional<BackupInfo> backup(std::uint64_t id) = 0;
  // Begins to compare the log with itself and with the linked node of this name or key id, all when empty.
  virtual void compare(std::string peer,
                       std::function<void(Result<std::shared_ptr<const Comparisons>, CommandError>)> done) = 0;
  virtual std::shared_ptr<const Comparisons> comparisons() = 0;  // the last one; never null
  virtual std::string metrics() = 0;                             // the node's own figures, Prometheus text
};

}  // namespace airbridge::api
