#include "import_file.hpp"

#include <doctest/doctest.h>

#include <boost/json.hpp>

#include "test_world.hpp"

namespace airbridge::app {
namespace {

struct Sink {
  ImportCounts import(std::string_view text) {
    const auto counts = import_text(
        "file.json", text,
        [this](const std::string& command) -> Result<Sent, std::string> {
          commands.push_back(boost::json::parse(command).as_object());
          return Sent{"x.000000000000000" + std::to_string(commands.size()), false};
        },
        [this](const std::string& what) { complaints.push_back(what); });
    REQUIRE(counts);
    return *counts;
  }
  boost::json::value value(std::size_t command, std::string_view field) const {
    boost::json::array out;
    for (const auto& write : commands.at(command).at("writes").as_array()) {
      if (write.at("field").as_string() == field) out.push_back(write.at("value"));
    }
    return out;
  }
  std::vector<boost::json::object> commands;
  std::vector<std::string> complaints;
};

}  // namespace

TEST_CASE("a text that begins with a dollar is a text where the field takes no record") {
  Sink sink;
  const auto counts = sink.import(R"({"airbridge_import":1,"records":[
    {"key":"c1","record":"casualty","fields":{"triage":"red","note":"$500 of fuel"}},
    {"record":"request","fields":{"category":"medevac","casualty":["$c1"],"text":"$c1 and $20"}},
    {"record":"request","fields":{"category":"medevac","casualty":["$c2"]}}]})");
  CHECK(counts.written == 2);
  CHECK(counts.refused == 1);
  CHECK(sink.value(0, "note") == boost::json::array{"$500 of fuel"});
  CHECK(sink.value(1, "casualty") == boost::json::array{"x.0000000000000001"});
  CHECK(sink.value(1, "text") == boost::json::array{"$c1 and $20"});
  REQUIRE(sink.complaints.size() == 1);
  CHECK(sink.complaints[0] == "file.json: record 3: $c2 names no earlier record");
}

TEST_CASE("GeoJSON as Airbridge exports it comes back as the records it was, without its tracks") {
  Sink sink;
  const auto counts = sink.import(R"({"type":"FeatureCollection","features":[
    {"type":"Feature","id":"x.1","geometry":{"type":"Point","coordinates":[7.9,46.5]},
     "properties":{"record":"unit","display":"U-1","name":"RESCUE 1","capability":["winch","medical"],"endurance_min":90}},
    {"type":"Feature","geometry":{"type":"Point","coordinates":[7.9,46.5]},"properties":{"record":"track"}},
    {"type":"Feature","geometry":{"type":"Point","coordinates":[7.8,46.5]},"properties":{"record":"track"}},
    {"type":"Feature","geometry":{"type":"Point","coordinates":[7.8,46.5]},"properties":{"title":"Hut"}}]})");
  CHECK(counts.tracks == 2);
  CHECK(counts.written == 2);
  CHECK(counts.refused == 0);
  CHECK(sink.complaints.empty());
  CHECK(sink.value(0, "capability") == boost::json::array{"winch", "medical"});
  CHECK(sink.value(0, "endurance") == boost::json::array{90});
  CHECK(sink.value(0, "name") == boost::json::array{"RESCUE 1"});
  CHECK(sink.commands[1].at("record") == "site");
  CHECK(sink.value(1, "name") == boost::json::array{"Hut"});
}

TEST_CASE("recordings are imported by the kind they are; of another file all kinds are named, and the file once") {
  const test::Folder folder;
  test::init_node(folder / "a", "POST 1");
  test::TestNode node(folder / "a");
  const auto import = [&](const test::fs::path& file) {
    return test::run({"import", "--dir", node.dir().string(), file.string()});
  };
  const auto data = test::fs::path(AIRBRIDGE_TEST_DATA) / "adsb";
  for (const auto* file : {"modes1.sbs.txt", "modes1.aircraft.json"}) {
    CAPTURE(file);
    const auto done = import(data / file);
    CHECK(done.status == 0);
    CHECK(done.out.find("marked as replayed") != std::string::npos);
    CHECK(done.out.find(": 0 positions") == std::string::npos);
  }
  CHECK_FALSE(node.tracks().empty());
  test::write_text(folder / "odd.txt", "hello\nworld\n");
  const auto refused = import(folder / "odd.txt");
  CHECK(refused.status == 1);
  for (const auto* kind : {"own records", "GeoJSON", "SBS-1", "aircraft.json"})
    CHECK(refused.err.find(kind) != std::string::npos);
  const auto first = refused.err.find("odd.txt");
  REQUIRE(first != std::string::npos);
  CHECK(refused.err.find("odd.txt", first + 1) == std::string::npos);
}

}  // namespace airbridge::app
