#include "store/index.hpp"

#include <filesystem>
#include <fstream>

#include "store/test_folder.hpp"
#include "store/test_world.hpp"

namespace airbridge::store {
using namespace testing;  // NOLINT

namespace {

IndexedEvent describe_entry(const StoredEntry& entry) {
  const auto text = std::string(as_text(entry.entry.public_part));
  return {"x." + text.substr(0, 1), static_cast<std::uint16_t>(text.size()), 2, noon + Milliseconds(entry.arrival),
          text};
}

void follow(Index& index, Log& log) {
  REQUIRE(index.check_against(log));
  while (index.applied() < log.durable_arrival()) {
    const auto after = index.applied();
    const auto page = log.read_from(after + 1, 3, 1 << 20);
    REQUIRE(page);
    REQUIRE_FALSE(page->empty());
    REQUIRE(index.apply(after, *page));
  }
}

struct Filled {
  SimDisk disk{1};
  Author ana{1};
  Log log = open_log(disk);
  Filled() {
    std::uint8_t number = 1;
    for (const auto* text :
         {"bridge closed at Vrhnika", "casualty found", "bridge open", "直升机 抵达", "100% \"done\""}) {
      must(log.append_entry(ana.write(text), command_id(number++), noon).has_value());
      must(log.append_seal(ana.seal(), noon).has_value());
    }
    must(log.sync(noon).has_value());
  }
};

std::vector<std::uint64_t> arrivals(Index& index, const IndexQuery& query) {
  const auto rows = index.events(query);
  REQUIRE(rows);
  std::vector<std::uint64_t> out;
  for (const auto& row : *rows) out.push_back(row.arrival);
  return out;
}

}  // namespace

TEST_CASE("the index answers by page, record, entity and words") {
  Filled world;
  TestFolder folder;
  auto index = Index::open(folder.file("index.sqlite"), test_incident(), describe_entry);
  REQUIRE(index);
  follow(**index, world.log);
  const auto ask = [&](const IndexQuery& query) { return arrivals(**index, query); };
  using List = std::vector<std::uint64_t>;
  IndexQuery query;
  CHECK(ask(query) == List{1, 3, 5, 7, 9});
  query.limit = 2;
  CHECK(ask(query) == List{1, 3});
  query.after = 3;
  CHECK(ask(query) == List{5, 7});
  query = {};
  query.newest_first = true;
  query.before = 7;
  CHECK(ask(query) == List{5, 3, 1});
  query = {};
  query.text = "BRIDGE";
  CHECK(ask(query) == List{1, 5});
  query.text = "bridge open";
  CHECK(ask(query) == List{5});
  query.text = "抵达";
  CHECK(ask(query) == List{7});
  query.text = "直升机";
  CHECK(ask(query) == List{7});
  query.text = "\"done\"";
  CHECK(ask(query) == List{9});
  query.text = "%";
  CHECK(ask(query) == List{9});
  query = {};
  query.entity = "x.c";
  CHECK(ask(query) == List{3});
  query = {};
  query.record = 11;  // in this test the length of the text
  CHECK(ask(query) == List{5, 9});
  query = {};
  const auto rows = (*index)->events(query);
  CHECK(rows->at(1).dot == world.ana.entries()[1].dot());
  CHECK(rows->at(1).event.time == noon + Milliseconds(3));
  CHECK((*index)->command(command_id(3))->at(0) == world.ana.entries()[2].dot());
  CHECK((*index)->command(command_id(99))->empty());
}

TEST_CASE("no search text is a command to the index") {
  Filled world;
  TestFolder folder;
  auto index = Index::open(folder.file("index.sqlite"), test_incident(), describe_entry);
  follow(**index, world.log);
  IndexQuery query;
  for (const auto& text :
       {std::string("NEAR("), std::string("a\0b\"", 4), std::string("\"\"\""), std::string("text:x*"),
        std::string("' OR 1=1 --"), std::string("\xff\xfe\xfd"), std::string(100'000, 'x')}) {
    query.text = text;
    REQUIRE((*index)->events(query));
  }
  CHECK((*index)->rebuilt() == 0);
}

TEST_CASE("last values are replaced by subject, kind and source") {
  TestFolder folder;
  const auto path = folder.file("index.sqlite");
  {
    auto index = Index::open(path, test_incident(), describe_entry);
    REQUIRE((*index)->put_last_values(
        {{"x.1", 1, "gps", noon, {1}}, {"x.1", 1, "adsb", noon, {2}}, {"x.1", 1, "gps", noon, {3}}}));
  }
  auto index = Index::open(path, test_incident(), describe_entry);
  const auto values = (*index)->last_values();
  REQUIRE(values);
  REQUIRE(values->size() == 2);
  CHECK(values->at(1).value == Bytes{3});
}

TEST_CASE("last values of long ago, and all but the newest, are forgotten") {
  TestFolder folder;
  auto index = Index::open(folder.file("index.sqlite"), test_incident(), describe_entry);
  std::vector<LastValue> values;
  for (int i = 0; i < 100; ++i) values.push_back({"x." + std::to_string(i), 1, "adsb", noon + Milliseconds(i), {1}});
  REQUIRE((*index)->put_last_values(values));
  REQUIRE((*index)->prune_last_values(noon + Milliseconds(40), 1000));
  CHECK((*index)->last_values()->size() == 60);
  REQUIRE((*index)->prune_last_values(noon, 10));
  const auto left = (*index)->last_values();
  REQUIRE(left->size() == 10);
  for (const auto& value : *left) CHECK(value.time >= noon + Milliseconds(90));
  REQUIRE((*index)->prune_last_values(noon + Milliseconds(1000), 10));
  CHECK((*index)->last_values()->empty());
}

TEST_CASE("an index that is missing, junk, of another store, ahead, or damaged is made anew from the log") {
  Filled world;
  TestFolder folder;
  const auto path = folder.file("index.sqlite");
  const auto fresh = [&] {
    auto index = Index::open(path, test_incident(), describe_entry);
    REQUIRE(index);
    follow(**index, world.log);
    CHECK(arrivals(**index, {}).size() == 5);
    return (*index)->rebuilt();
  };
  CHECK(fresh() == 0);
  CHECK(fresh() == 0);
  std::ofstream(path, std::ios::trunc)
      << "this is no database, but it is long enough to be taken for a file header of one";
  CHECK(fresh() == 1);
  {
    auto other = test_incident();
    other.value[1] ^= 1;
    auto index = Index::open(path, other, describe_entry);
    CHECK((*index)->rebuilt() == 1);
  }
  CHECK(fresh() == 1);
  {
    // Ahead: the log lost its last events, or an older copy of it was put back.
    SimDisk disk(2);
    Author ana(1);
    auto log = open_log(disk);
    must(log.append_entry(ana.write("bridge closed at Vrhnika"), {}, noon).has_value());
    must(log.sync(noon).has_value());
    auto index = Index::open(path, test_incident(), describe_entry);
    follow(**index, log);
    CHECK((*index)->rebuilt() == 1);
    CHECK(arrivals(**index, {}) == std::vector<std::uint64_t>{1});
  }
  CHECK(fresh() == 0);  // it was only behind
  // Damage: zeros over the middle of the file.
  const auto size = std::filesystem::file_size(path);
  {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    const std::string zeros(static_cast<std::size_t>(size) - 4096, '\xAA');
    file << zeros;
  }
  auto index = Index::open(path, test_incident(), describe_entry);
  REQUIRE(index);
  follow(**index, world.log);
  if (!(*index)->events({})) follow(**index, world.log);  // found while reading: empty now, filled by following
  CHECK(arrivals(**index, {}).size() == 5);
}

}  // namespace airbridge::store
