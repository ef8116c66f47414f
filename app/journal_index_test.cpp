#include "journal_index.hpp"

#include <doctest/doctest.h>

#include <future>
#include <thread>

#include "store/index.hpp"
#include "store/posix_disk.hpp"
#include "test_world.hpp"
#include "trust/keys.hpp"

using namespace airbridge;
using namespace airbridge::app;

namespace {

// A log that another device wrote, in a folder of its own.
struct World {
  World() {
    incident.value.fill(3);
    auto opened = store::PosixDisk::open((folder / "store").string());
    REQUIRE(opened);
    disk = std::move(*opened);
    auto made = store::Log::open(*disk, incident, {}, now);
    REQUIRE(made);
    log.emplace(std::move(*made));
    REQUIRE(log->append_author_key(key.public_key(), now));
  }
  // The chain's value after it.
  model::Hash append(const model::StreamId& stream, std::uint64_t seq, std::string_view text,
                     const model::Hash& before) {
    model::Entry entry;
    entry.stream = stream;
    entry.seq = seq;
    entry.public_part = to_bytes(as_bytes(text));
    const auto after = model::chain_next(before, entry);
    if (stream.branch.from == seq) {
      std::copy_n(after.value.begin(), entry.stream.branch.head.size(), entry.stream.branch.head.begin());
    }
    REQUIRE(log->append_entry(entry, {}, now));
    REQUIRE(log->append_seal(trust::make_seal(key, incident, entry.stream, seq, after), now));
    return after;
  }
  store::Writer write() {
    REQUIRE(log->sync(now));
    return store::Writer(std::move(*log), clock);
  }
  std::unique_ptr<JournalIndex> index(store::Writer& writer, std::size_t batch_records = index_batch_records) const {
    auto opened = JournalIndex::open((folder / "store").string(), incident, writer, clock, batch_records);
    REQUIRE(opened);
    return std::move(*opened);
  }

  const test::Folder folder;
  const SystemClock clock;
  const UtcTime now = clock.now().utc;
  model::IncidentId incident;
  const trust::SigningKey key = trust::SigningKey::from_seed([] {
    trust::SigningKey::Seed seed;
    seed.value.fill(9);
    return seed;
  }());
  const model::StreamId base{{key.id(), 1}, model::Class::Important, {}};
  std::unique_ptr<store::Disk> disk;
  std::optional<store::Log> log;
};

}  // namespace

TEST_CASE("the journal shows both contents of a forked stream, and pages to its end") {
  World world;
  // Two contents for number 2, as two copies of one device write them.
  const auto head = world.append(world.base, 1, "one", model::chain_start(world.incident, world.base));
  world.append(world.base, 2, "two", head);
  auto branch = world.base;
  branch.branch.from = 2;
  world.append(branch, 2, "another two", head);

  auto writer = world.write();
  {
    const auto index = world.index(writer);
    std::vector<std::string> texts;
    api::JournalQuery query;
    query.limit = 1;
    for (int page = 0; page < 10; ++page) {
      const auto found = index->find(query, Milliseconds(60'000)).places;
      if (found.empty()) break;
      REQUIRE(found.size() == 1);
      REQUIRE(found[0].entry);
      CHECK(found[0].arrival > query.after);
      query.after = found[0].arrival;
      texts.emplace_back(as_text(found[0].entry->public_part));
      CHECK(found[0].entry->stream.is_branch() == (texts.back() == "another two"));
    }
    CHECK(texts == std::vector<std::string>{"one", "two", "another two"});
  }
  CHECK(writer.stop());
}

TEST_CASE("the end of the journal does not wait for all of its index, which goes on at the next start") {
  constexpr std::uint64_t events = 2'000;
  World world;
  auto head = model::chain_start(world.incident, world.base);
  for (std::uint64_t seq = 1; seq <= events; ++seq) head = world.append(world.base, seq, "text", head);
  auto writer = world.write();
  auto index = world.index(writer, 1);
  // Nobody reads the log on until the index has been told to end.
  std::promise<void> held;
  std::thread reader([&] {
    writer.read([&](store::Log&) {
      held.set_value();
      std::this_thread::sleep_for(std::chrono::seconds(1));
    });
  });
  held.get_future().wait();
  index.reset();
  reader.join();
  const auto end = writer.durable_arrival();
  {
    const auto path = (world.folder / "store" / std::string(store::index_name)).string();
    const auto left =
        store::Index::open(path, world.incident, [](const store::StoredEntry&) { return store::IndexedEvent(); });
    REQUIRE(left);
    const auto through = (*left)->applied();
    CHECK(through > 0);
    CHECK(through < end);
    REQUIRE(writer.read([&](store::Log& log) { return (*left)->check_against(log); }));
    CHECK((*left)->applied() == through);  // it is not made anew
  }
  index = world.index(writer);
  api::JournalQuery last;
  last.after = end - 3;
  CHECK(index->find(last, Milliseconds(60'000)).places.size() == 1);
  index.reset();
  CHECK(writer.stop());
}
