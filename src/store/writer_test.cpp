#include "store/writer.hpp"

#include <condition_variable>

#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

class FixedClock final : public Clock {
 public:
  Now now() const override { return {noon, {}}; }
};
const FixedClock fixed_clock;

// Counts outcomes and waits for them.
struct Outcomes {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<DurableResult> list;
  Writer::Done collector() {
    return [this](const DurableResult& outcome) {
      const std::scoped_lock lock(mutex);
      list.push_back(outcome);
      changed.notify_all();
    };
  }
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return list.size() >= count; });
  }
};

}  // namespace

TEST_CASE("what waits while the disk works becomes one batch with one sync") {
  SimDisk disk(1);
  Outcomes outcomes;
  std::mutex gate;
  std::condition_variable opened;
  bool open = false;
  bool reached = false;
  Writer writer(open_log(disk), fixed_clock);
  const auto syncs = disk.syncs();
  disk.on_fdatasync([&] {
    std::unique_lock lock(gate);
    reached = true;
    opened.notify_all();
    opened.wait(lock, [&] { return open; });
  });
  Author ana(1);
  must(writer.submit(ana.write("0"), {}, outcomes.collector()).has_value());
  {
    std::unique_lock lock(gate);
    opened.wait(lock, [&] { return reached; });
  }
  // The disk is in the middle of a sync: readers are served, and see nothing of it yet.
  CHECK(writer.durable_arrival() == 0);
  CHECK(writer.read([&](Log& log) { return log.entries(); }) == 0);
  for (int i = 1; i <= 50; ++i) must(writer.submit(ana.write(std::to_string(i)), {}, outcomes.collector()).has_value());
  {
    const std::scoped_lock lock(gate);
    open = true;
    opened.notify_all();
  }
  outcomes.wait_for(51);
  CHECK(disk.syncs() - syncs == 2);
  for (std::size_t i = 0; i < 51; ++i) {
    REQUIRE(outcomes.list[i]);
    CHECK(outcomes.list[i]->first == i + 1);
    CHECK(outcomes.list[i]->last == i + 1);
  }
  CHECK(writer.durable_arrival() == 51);
  must(writer.stop().has_value());
  CHECK(open_log(disk).report().clean_stop);
}

TEST_CASE("a snapshot on its way to the disk holds up neither readers nor writers") {
  SimDisk disk(1);
  Outcomes outcomes;
  Author ana(1);
  Writer writer(open_log(disk), fixed_clock);
  must(writer.submit(ana.write("before"), {}, outcomes.collector()).has_value());
  outcomes.wait_for(1);
  std::mutex gate;
  std::condition_variable changed;
  bool reached = false, open = false;
  std::atomic<bool> first{true};
  disk.on_fdatasync([&] {
    if (!first.exchange(false)) return;
    std::unique_lock lock(gate);
    reached = true;
    changed.notify_all();
    changed.wait(lock, [&] { return open; });
  });
  std::jthread keeping([&] { CHECK(writer.write_snapshot(as_bytes("picture"), 1)); });
  {
    std::unique_lock lock(gate);
    changed.wait(lock, [&] { return reached; });
  }
  CHECK(writer.read([](Log& log) { return log.entries(); }) == 1);
  must(writer.submit(ana.write("meanwhile"), {}, outcomes.collector()).has_value());
  outcomes.wait_for(2);
  CHECK(outcomes.list[1]);
  {
    const std::scoped_lock lock(gate);
    open = true;
    changed.notify_all();
  }
  keeping.join();
  must(writer.stop().has_value());
  auto log = open_log(disk);
  CHECK(log.report().snapshot_arrival == 1);
  CHECK(log.entries() == 2);
  CHECK(as_text(log.take_picture()->bytes()) == "picture");
}

TEST_CASE("a refused submission leaves nothing behind and does not hurt its neighbours") {
  SimDisk disk(2);
  Outcomes outcomes;
  Author ana(1);
  for (int i = 0; i < 6; ++i) ana.write(std::to_string(i));
  auto bad = ana.run(1, 4);
  bad.seal.head.value[0] ^= 1;
  {
    Writer writer(open_log(disk), fixed_clock);
    must(writer.submit(bad, outcomes.collector()).has_value());
    must(writer.submit(ana.run(1, 3), outcomes.collector()).has_value());
    must(writer.submit(ana.entries()[5], {}, outcomes.collector()).has_value());
    must(writer.submit(ana.run(1, 3), outcomes.collector()).has_value());
    outcomes.wait_for(4);
  }
  CHECK(outcomes.list[0].error().fault == StoreFault::WrongChain);
  CHECK(outcomes.list[1]->first == 1);
  CHECK(outcomes.list[1]->last == 4);
  CHECK(outcomes.list[2].error().fault == StoreFault::Gap);
  CHECK(outcomes.list[3]->first == 0);  // all here already
  CHECK(open_log(disk).vector().at(ana.stream()) == 3);
}

TEST_CASE("a submission that repeats one of a batch that fails has failed too") {
  SimDisk disk(4);
  Outcomes outcomes;
  std::mutex gate;
  std::condition_variable opened;
  bool open = false;
  Author ana(1);
  Writer writer(open_log(disk), fixed_clock);
  std::atomic<int> syncs = 0;
  disk.on_fdatasync([&] {
    if (++syncs > 1) return;
    std::unique_lock lock(gate);
    opened.wait(lock, [&] { return open; });
  });
  must(writer.submit(ana.write("first"), {}, outcomes.collector()).has_value());
  while (syncs == 0) std::this_thread::yield();
  ana.write("second");
  must(writer.submit(ana.entries()[1], {}, outcomes.collector()).has_value());
  must(writer.submit(ana.entries()[1], {}, outcomes.collector()).has_value());
  disk.on_fdatasync([&] { disk.fail_fdatasync(1); });
  {
    const std::scoped_lock lock(gate);
    open = true;
    opened.notify_all();
  }
  outcomes.wait_for(3);
  CHECK_FALSE(outcomes.list[1]);
  CHECK_FALSE(outcomes.list[2]);
  disk.on_fdatasync({});
  disk.fail_fdatasync(0);
  must(writer.stop().has_value());
}

TEST_CASE("a full disk is told to each submitter, and reading goes on") {
  SimDisk disk(3);
  Outcomes outcomes;
  Author ana(1);
  Writer writer(open_log(disk), fixed_clock);
  must(writer.submit(ana.write("fits"), {}, outcomes.collector()).has_value());
  outcomes.wait_for(1);
  disk.set_quota(9000);
  must(writer.submit(ana.write(Bytes(20000, 'x')), {}, outcomes.collector()).has_value());
  outcomes.wait_for(2);
  CHECK(outcomes.list[1].error().fault == StoreFault::DiskFull);
  CHECK(writer.read([&](Log& log) { return log.read_entry(ana.stream(), 1).has_value(); }));
  CHECK(writer.read([](Log& log) { return !log.refusing().empty(); }));
  disk.set_quota(UINT64_MAX);
  ana.forget_after(1);
  must(writer.submit(ana.write("fits again"), {}, outcomes.collector()).has_value());
  outcomes.wait_for(3);
  CHECK(outcomes.list[2]);
}

TEST_CASE("readers in other threads see whole batches only, in order") {
  SimDisk disk(4);
  Outcomes outcomes;
  Author ana(1);
  constexpr std::uint64_t events = 600;
  {
    Writer writer(open_log(disk), fixed_clock);
    std::jthread reader([&](const std::stop_token& stop) {
      std::uint64_t next = 1;
      while (next <= events && !stop.stop_requested()) {
        const auto page = writer.read([&](Log& log) { return log.read_from(next, 64, 1 << 20); });
        REQUIRE(page);
        for (const auto& record : *page) {
          REQUIRE(record.header.arrival == next);
          REQUIRE(next <= writer.durable_arrival() + events);
          ++next;
        }
      }
      CHECK(next == events + 1);
    });
    for (std::uint64_t i = 0; i < events; ++i) {
      must(writer.submit(ana.write(std::to_string(i)), {}, outcomes.collector()).has_value());
    }
    outcomes.wait_for(events);
    reader.join();
    must(writer.stop().has_value());
    CHECK(writer.submit(ana.write("late"), {}, {}).error().fault == StoreFault::Stopped);
  }
}

TEST_CASE("a full inbox says so") {
  SimDisk disk(5);
  Author ana(1);
  std::mutex gate;
  gate.lock();
  disk.on_fdatasync([&] { const std::scoped_lock lock(gate); });
  {
    disk.on_fdatasync({});
    auto log = open_log(disk);
    disk.on_fdatasync([&] { const std::scoped_lock lock(gate); });
    WriterLimits limits;
    limits.waiting_max = 3;
    Writer writer(std::move(log), fixed_clock, limits);
    int busy = 0;
    for (int i = 0; i < 50; ++i) {
      const auto put = writer.submit([](Log&) -> StoreResult<void> { return {}; }, {});
      if (!put) CHECK(put.error().fault == StoreFault::Busy);
      busy += put ? 0 : 1;
      if (i == 0) must(writer.submit(ana.write("held"), {}, {}).has_value());
    }
    gate.unlock();
    CHECK(busy > 40);
  }
}

}  // namespace airbridge::store
