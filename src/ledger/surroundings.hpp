#pragma once
// What a ledger needs around it, so that it has no thread, clock or chance of its own. The node gives it an event loop,
// the store's writing thread and the operating system's randomness (app/open_ledger.hpp); a simulation gives it made-up
// time, a batch whenever it likes, and numbers from a seed.
#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/log.hpp"
#include "base/time.hpp"
#include "store/batch.hpp"
#include "trust/author.hpp"

namespace airbridge::ledger {

inline constexpr std::string_view area = "store";  // in the diagnostics log

class Surroundings {
 public:
  virtual ~Surroundings() = default;

  // Time and chance. Called on the ledger's thread, as everything here where nothing else is said.
  virtual Now now() const = 0;
  virtual std::uint32_t random_number() = 0;  // never 0
  virtual trust::Author::Salt::result_type random_salt() = 0;
  // Calls back once, `delay` later, never from within this call. Unless close() of the ledger came first.
  virtual void after(Milliseconds delay, std::function<void()> work) = 0;

  // The open log is handed over, to be written from here on.
  virtual void take_log(store::Log log) = 0;
  // Reads the log, at once; not for appending. Any thread.
  virtual void with_log(const std::function<void(store::Log&)>& reading) = 0;
  // As store::Writer::submit(), but `done` is called on the ledger's thread, and not within this call. Before, where
  // the work is on disk, `prepare` (may be none) is called, perhaps on another thread: for what needs neither log nor
  // ledger.
  virtual store::StoreResult<void> submit(store::Submission::Work work, std::function<void()> prepare,
                                          store::Submission::Done done) = 0;
  virtual std::uint64_t durable_arrival() const = 0;

  // Begins work, perhaps on another thread; what is returned waits for its end.
  virtual std::function<void()> begin(std::function<void()> work) {
    work();
    return [] {};
  }
  // Long work that nobody waits for, one at a time, perhaps on another thread; and waiting for its end after all.
  virtual void aside(std::function<void()> work) = 0;
  virtual void finish_aside() = 0;

  // An index of the log, where there is one: commands older than the log remembers, and the latest events about a
  // record, newest first, without those that cannot be read.
  virtual std::vector<model::Dot> older_command(const model::CommandId&) { return {}; }
  virtual std::vector<store::StoredEntry> latest(const model::EntityId&, std::size_t /*limit*/) { return {}; }

  // Diagnostics.
  virtual void tell(log::Level level, std::string_view message, std::initializer_list<log::Field> fields = {}) {
    log::write(level, area, message, fields);
  }

  template <class Reading>
  auto read(Reading&& reading) {
    using Answer = std::invoke_result_t<Reading, store::Log&>;
    if constexpr (std::is_void_v<Answer>) {
      with_log([&](store::Log& log) { reading(log); });
    } else {
      std::optional<Answer> answer;
      with_log([&](store::Log& log) { answer.emplace(reading(log)); });
      return std::move(*answer);
    }
  }
};

}  // namespace airbridge::ledger
