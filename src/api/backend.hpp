#pragma once
// What the API needs of the node behind it. Called on the API's loop thread; `done` callbacks may come from any thread.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::shared_ptr<const picture::Picture> picture() = 0;  // never null
  virtual std::shared_ptr<const Status> status() = 0;             // never null
  virtual void command(model::Draft draft, std::function<void(CommandResult)> done) = 0;
  virtual void own_position(std::optional<Position> position, std::function<void(CommandResult)> done) = 0;
  virtual std::vector<JournalRow> journal(const JournalQuery& query) = 0;
  // A recorded ADS-B feed, played at once; counts, or what is wrong with it.
  struct Played {
    std::uint64_t observations = 0, aircraft = 0, refused = 0;
  };
  virtual void recording(std::string name, std::string text,
                         std::function<void(Result<Played, CommandError>)> done) = 0;
  // Copies the incident into a new file in the node's folder; its path.
  virtual void backup(bool with_keys, std::function<void(Result<std::string, CommandError>)> done) = 0;
  virtual std::string metrics() = 0;  // the node's own figures, Prometheus text
};

}  // namespace airbridge::api
