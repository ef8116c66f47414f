#pragma once
// For tests: a ledger of a founded node on a disk in memory that fails, fills and forgets, with a clock that can be
// moved on, on the test's own loop.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <optional>

#include "home.hpp"
#include "ledger.hpp"
#include "model/schema.hpp"
#include "net/event_loop.hpp"
#include "store/sim_disk.hpp"
#include "test_world.hpp"

namespace airbridge::app::test {

using store::SimDisk;

// A SimDisk that outlives the ledger. After cut() whoever holds this handle is as good as dead.
class DiskHandle final : public store::Disk {
 public:
  struct State {
    std::atomic<bool> cut{false};
    std::function<bool(std::string_view name)> unopenable;  // a file that cannot be opened for reading just now
  };
  DiskHandle(SimDisk& disk, std::shared_ptr<State> state) : disk_(disk), state_(std::move(state)) {}
  store::DiskResult<std::unique_ptr<store::File>> open(std::string_view name, store::OpenMode mode) override {
    if (state_->cut) return dead();
    if (mode == store::OpenMode::Read && state_->unopenable && state_->unopenable(name))
      return failure(store::DiskError{store::DiskFault::Io, "too many open files"});
    return disk_.open(name, mode);
  }
  store::DiskResult<void> rename(std::string_view from, std::string_view to) override {
    if (state_->cut) return dead();
    return disk_.rename(from, to);
  }
  store::DiskResult<void> remove(std::string_view name) override {
    if (state_->cut) return dead();
    return disk_.remove(name);
  }
  store::DiskResult<std::vector<std::string>> list() const override { return disk_.list(); }
  store::DiskResult<void> sync_directory() override {
    if (state_->cut) return dead();
    return disk_.sync_directory();
  }
  store::DiskResult<std::uint64_t> free_bytes() const override { return disk_.free_bytes(); }
  std::string where() const override { return disk_.where(); }

 private:
  static tl::unexpected<store::DiskError> dead() {
    return failure(store::DiskError{store::DiskFault::Io, "the power is off"});
  }
  SimDisk& disk_;
  std::shared_ptr<State> state_;
};

inline model::Write write_of(model::RecordKind record, std::string_view field, model::Value value) {
  return {model::find_field(static_cast<std::uint16_t>(record), field)->key(), std::move(value), {}};
}

inline model::Draft message(std::string_view text, std::uint8_t command = 0) {
  model::Draft draft;
  draft.record = static_cast<std::uint16_t>(model::RecordKind::Message);
  draft.via = model::Via::Web;
  draft.writes = {write_of(model::RecordKind::Message, "text", model::Value(std::string(text)))};
  if (command != 0) {
    model::CommandId id;
    id.value.fill(command);
    draft.command = id;
  }
  return draft;
}

// The system's clocks, and what the test lets pass beside them.
class MovedClock final : public Clock {
 public:
  Now now() const override {
    const auto system = SystemClock().now();
    const Milliseconds ahead(ahead_ms_);
    return {system.utc + ahead, system.steady + ahead};
  }
  void pass(Milliseconds time) { ahead_ms_ += time.count(); }

 private:
  std::atomic<std::int64_t> ahead_ms_{0};
};

// Options as tests want them: what heals heals soon, and nothing happens beside what the test does.
struct LedgerWorld {
  Folder folder;
  Home home;
  net::EventLoop loop;
  MovedClock clock;
  SimDisk disk{7};
  std::shared_ptr<DiskHandle::State> state;
  LedgerOptions options;
  std::unique_ptr<Ledger> ledger;

  LedgerWorld() : home(*found(folder / "n", {"POST 1", "Ana", "test", false}, SystemClock().now().utc)) {
    options.journal_index = false;
    options.disk_free_min_bytes = 0;
    options.retry_first = options.retry_max = Milliseconds(5);
    options.scrub_pause = Milliseconds(0);
  }
  void start(std::function<bool(std::string_view name)> unopenable = {}) {
    state = std::make_shared<DiskHandle::State>();
    state->unopenable = std::move(unopenable);
    auto opened = Ledger::open_on(std::make_unique<DiskHandle>(disk, state), home, loop, clock, options, {});
    if (!opened) FAIL(opened.error());
    ledger = std::move(*opened);
    until([&] { return ledger->waiting() == 0; });
  }
  // The power goes, with what is not synced.
  void cut() {
    state->cut = true;
    disk.crash(SimDisk::Cut::Lose);
    ledger.reset();
  }
  bool until(const std::function<bool()>& holds) {
    return eventually([&] {
      loop.run_for(Milliseconds(5));
      return holds();
    });
  }
  api::CommandResult command(model::Draft draft) {
    std::optional<api::CommandResult> answer;
    ledger->command(std::move(draft), [&](api::CommandResult result) { answer = std::move(result); });
    REQUIRE(until([&] { return answer.has_value(); }));
    return *answer;
  }
  Accepted accept(model::SealedRun run, const trust::SigningKey& author) {
    std::optional<Accepted> answer;
    ledger->accept(std::move(run), author.public_key(),
                   [&](Accepted outcome, const std::string&) { answer = outcome; });
    REQUIRE(until([&] { return answer.has_value(); }));
    return *answer;
  }
  std::uint64_t events_told() const {
    std::uint64_t sum = 0;
    for (const auto& [stream, seq] : ledger->view().vector()) sum += seq;
    return sum;
  }
  bool shows(const model::EntityId& id) const { return ledger->publish()->find(id) != nullptr; }
};

// Another node's author, whose grant is not here: its events are kept and not folded.
inline trust::Author stranger(const LedgerWorld& world, const trust::SigningKey& key) {
  return {key, world.home.incident, 1, world.home.data_keys,
          [] { return trust::random_fixed<FixedBytes<16, struct trust::SaltTag>>(); }};
}
inline trust::SigningKey key_of(std::uint8_t number) {
  trust::SigningKey::Seed seed;
  seed.value.fill(number);
  return trust::SigningKey::from_seed(seed);
}

}  // namespace airbridge::app::test
