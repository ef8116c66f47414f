#pragma once
// What a ledger is asked and what it answers.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "model/schema.hpp"
#include "picture/view.hpp"

namespace airbridge::ledger {

struct CommandDone {
  model::EntityId entity;
  std::string display;  // "C-7K3QX"; empty when nothing was written
  std::vector<model::Dot> dots;
  model::Class cls = model::Class::Routine;
  bool repeated = false;
};

// Why a command was not carried out; nothing of it was written.
enum class Refused {
  Invalid,     // the draft does not fit the table of records
  NotAllowed,  // its state does not lead there
  IdUsed,      // its id is of another command
  Busy,        // later, with the same id
  DiskRefuses,
  Stopping,
};
struct Refusal {
  Refused why = Refused::Invalid;
  std::string message;  // a sentence
  std::string field;
  std::string hint;
};
using CommandResult = Result<CommandDone, Refusal>;

// What became of another node's run.
enum class Accepted {
  Written,
  DiskFault,  // not now: to be sent again
  Refused,    // its content contradicts what is here, and will the next time
};

// How a gateway's message meets the record as it stands.
struct Meeting {
  std::optional<model::Draft> draft;  // fitted to the record; nothing: not to be written
  std::vector<model::Write> told;     // what the gateway's clients were last told, as the writes of such a message
};
using Meet = std::function<Meeting(model::Draft draft, const picture::EntityView* shown)>;
struct Reported {
  CommandResult result;
  bool overruled = false;  // clients show an old value: tell them again
};

// What was found when the store was opened, for the log and `status`.
struct OpenReport {
  std::uint64_t events = 0;
  std::uint64_t from_snapshot = 0;  // arrival number the snapshot held up to
  double seconds = 0;
  bool new_incarnation = false;
  std::string why_new_incarnation;
  std::vector<std::string> notes;
};

// How the store is doing.
struct StoreState {
  std::uint64_t events = 0;
  std::uint64_t durable_to = 0;  // arrival number
  std::uint64_t damaged = 0;     // ranges of the log that are not readable
  std::uint64_t disk_free_bytes = 0;
  std::string refusing;  // why no command is taken at present; empty: they are
};

}  // namespace airbridge::ledger
