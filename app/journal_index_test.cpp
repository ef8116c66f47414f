#include "journal_index.hpp"

#include <doctest/doctest.h>

#include "store/posix_disk.hpp"
#include "test_world.hpp"
#include "trust/keys.hpp"

using namespace airbridge;
using namespace airbridge::app;

TEST_CASE("the journal shows both contents of a forked stream, and pages to its end") {
  const test::Folder folder;
  const SystemClock clock;
  const auto now = clock.now().utc;
  model::IncidentId incident;
  incident.value.fill(3);
  trust::SigningKey::Seed seed;
  seed.value.fill(9);
  const auto key = trust::SigningKey::from_seed(seed);
  const model::StreamId base{{key.id(), 1}, model::Class::Important, {}};

  auto disk = store::PosixDisk::open((folder / "store").string());
  REQUIRE(disk);
  auto log = store::Log::open(**disk, incident, {}, now);
  REQUIRE(log);
  REQUIRE(log->append_author_key(key.public_key(), now));
  // Two contents for number 2, as two copies of one device write them.
  auto head = model::chain_start(incident, base);
  const auto append = [&](const model::StreamId& stream, std::uint64_t seq, std::string_view text,
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
  };
  head = append(base, 1, "one", head);
  append(base, 2, "two", head);
  auto branch = base;
  branch.branch.from = 2;
  append(branch, 2, "another two", head);
  REQUIRE(log->sync(now));

  store::Writer writer(std::move(*log), clock);
  {
    const auto index = JournalIndex::open((folder / "store").string(), incident, writer, clock);
    REQUIRE(index);
    std::vector<std::string> texts;
    api::JournalQuery query;
    query.limit = 1;
    for (int page = 0; page < 10; ++page) {
      const auto found = (*index)->find(query, Milliseconds(60'000)).places;
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
