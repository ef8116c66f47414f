#include "api/json_values.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "api/picture_json.hpp"

using namespace airbridge;
using namespace airbridge::api;

namespace {
const model::FieldSpec& field(std::string_view record, std::string_view name) {
  return *model::find_field(static_cast<std::uint16_t>(model::find_record(record)->kind), name);
}
json::value there_and_back(const model::FieldSpec& spec, std::string_view text) {
  const auto value = value_from_json(spec, *parse_json(text));
  REQUIRE_MESSAGE(value.has_value(), text);
  return to_json(&spec, *value);
}
}  // namespace

TEST_CASE("an area is a GeoJSON Polygon: a list of rings, each a closed list of points") {
  const auto& spec = field("hazard", "geometry");
  const auto text = R"({"type":"Polygon","coordinates":[[[7.0,46.0],[7.5,46.0],[7.5,46.5],[7.0,46.0]]]})";
  const auto shown = there_and_back(spec, text).as_object();
  CHECK(shown.at("type") == "Polygon");
  const auto& rings = shown.at("coordinates").as_array();
  REQUIRE(rings.size() == 1);
  REQUIRE(rings[0].as_array().size() == 4);
  CHECK(rings[0].as_array().front() == rings[0].as_array().back());
  CHECK(rings[0].as_array()[1].as_array()[0].as_double() == doctest::Approx(7.5));
}

TEST_CASE("a circle is shown as a closed ring around its centre and keeps its radius") {
  const auto shown =
      there_and_back(field("hazard", "geometry"), R"({"type":"Circle","coordinates":[7.0,46.0],"radius_m":250})")
          .as_object();
  CHECK(shown.at("radius_m").as_double() == 250);
  const auto& ring = shown.at("coordinates").as_array().at(0).as_array();
  CHECK(ring.size() == 49);
  CHECK(ring.front() == ring.back());
}

TEST_CASE("outer rings run counter-clockwise, whichever way they were drawn, across the date line too") {
  const auto turn = [](const json::object& shown) {
    const auto& ring = shown.at("coordinates").as_array().at(0).as_array();
    double out = 0;
    for (std::size_t i = 0; i + 1 < ring.size(); ++i) {
      const auto lon = [&](std::size_t at) { return std::fmod(ring[at].as_array()[0].to_number<double>() + 360, 360); };
      const auto lat = [&](std::size_t at) { return ring[at].as_array()[1].to_number<double>(); };
      out += lon(i) * lat(i + 1) - lon(i + 1) * lat(i);
    }
    return out;
  };
  const auto& spec = field("hazard", "geometry");
  for (const std::string_view text : {R"({"type":"Polygon","coordinates":[[[7,46],[7.5,46],[7.5,46.5],[7,46]]]})",
                                      R"({"type":"Polygon","coordinates":[[[7,46],[7.5,46.5],[7.5,46],[7,46]]]})",
                                      R"({"type":"Polygon","coordinates":[[[179,1],[-179,3],[-179,1],[179,1]]]})",
                                      R"({"type":"Polygon","coordinates":[[[179,-1],[-179,-1],[-179,-3],[179,-1]]]})",
                                      R"({"type":"Circle","coordinates":[7.0,46.0],"radius_m":250})"}) {
    CAPTURE(text);
    const auto shown = there_and_back(spec, text).as_object();
    CHECK(turn(shown) > 0);
    const auto& ring = shown.at("coordinates").as_array().at(0).as_array();
    CHECK(ring.front() == ring.back());
  }
}

TEST_CASE("numbers are written in plain notation with at most seven decimals, and texts as they are") {
  const json::value value{{"a", 46.5},           {"b", -1.0e-7},     {"c", 1.0 / 3}, {"d", 250.0}, {"e", 7},
                          {"f", "4.65E1,\"2E2"}, {"g", {0.0, -0.0}}, {"h", 1.5e9},   {"i", -12}};
  CHECK(to_text(value) ==
        R"({"a":46.5,"b":-0.0000001,"c":0.3333333,"d":250.0,"e":7,"f":"4.65E1,\"2E2","g":[0.0,0.0],"h":1500000000.0,)"
        R"("i":-12})");
  CHECK(file_key(field("unit", "endurance")) == "endurance_min");
  CHECK(file_key(field("unit", "crew")) == "crew");
}

TEST_CASE("a track's feature says of an aircraft what the state does") {
  auto said = std::make_shared<model::Observation>();
  said->subject = model::external_name("icao", "4d2023");
  said->climb = MetresPerSecond{-2.5};
  said->on_ground = false;
  said->squawk = "7700";
  said->emergency = "general";
  const auto feature = feature_of(picture::TrackView{said->subject, {{said, {}, true}}, said->subject}, UtcTime{});
  const auto& properties = feature.at("properties").as_object();
  CHECK(properties.at("squawk") == "7700");
  CHECK(properties.at("emergency") == "general");
  CHECK(properties.at("climb_mps") == -2.5);
  CHECK(properties.at("on_ground") == false);
}

TEST_CASE("a record's feature says all members of a set") {
  picture::EntityView unit;
  unit.spec = model::find_record("unit");
  unit.position = Position::from_degrees(46.5, 7.9);
  const auto& spec = field("unit", "capability");
  picture::FieldView capabilities;
  capabilities.key = spec.key();
  capabilities.spec = &spec;
  for (const std::string_view name : {"winch", "medical"}) {
    picture::Choice choice;
    choice.value = model::Value(model::find_code(spec, name)->code);
    choice.dots.resize(1);
    capabilities.values.push_back(choice);
    capabilities.acting = choice;
  }
  unit.fields = {capabilities};
  const auto feature = feature_of(unit);
  REQUIRE(feature);
  CHECK(feature->at("properties").at("capability") == json::array{"winch", "medical"});
}

TEST_CASE("codes are names, and an unknown code says which") {
  const auto& spec = field("casualty", "triage");
  CHECK(there_and_back(spec, R"("red")") == "red");
  CHECK(to_json(&spec, model::Value(99)) == "code:99");
  CHECK(words_of(&spec, model::Value(99)) == "needs a newer version (code 99)");
  const auto refused = value_from_json(spec, *parse_json(R"("purple")"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().field == "triage");
  CHECK(refused.error().message.find("red, yellow, green") != std::string::npos);
}

TEST_CASE("every field refuses a value of another kind with its name") {
  const json::value odd[] = {json::value(true), json::value("\xC3\xA9"), json::value(1.5),
                             json::object{{"lat", 91}, {"lon", 0}}, json::array{1, 2}};
  for (const auto& record : model::records()) {
    for (const auto& spec : record.fields) {
      for (const auto& value : odd) {
        const auto converted = value_from_json(spec, value);
        if (!converted) CHECK(converted.error().field == spec.name);
      }
      CHECK(value_from_json(spec, nullptr)->is_null());
    }
  }
}

TEST_CASE("JSON that is no JSON is refused with its place, deep nesting too") {
  CHECK(parse_json("{\"a\": }").error().message.find("at byte") != std::string::npos);
  CHECK_FALSE(parse_json(""));
  CHECK_FALSE(parse_json("1 2"));
  CHECK_FALSE(parse_json(std::string(100'000, '[')));
  CHECK(parse_json(" [1, 2] \n"));
}

TEST_CASE("a command names records, fields and codes; what is wrong is named") {
  const auto draft = [](std::string_view text) { return draft_from_json(*parse_json(text)); };
  constexpr auto id = "0123456789abcdef0123456789abcdef";
  const auto good = draft(fmt::format(
      R"({{"id":"{}","record":"casualty","entity":null,"writes":[{{"field":"triage","value":"red","replaces":[]}}]}})",
      id));
  REQUIRE(good);
  CHECK(good->writes.size() == 1);
  CHECK(good->via == model::Via::Web);
  CHECK(draft("[]").error().code == "invalid_command");
  CHECK(draft(R"({"record":"casualty","writes":[]})").error().field == "id");
  CHECK(draft(fmt::format(R"({{"id":"{}","record":"ghost","writes":[]}})", id)).error().field == "record");
  CHECK(draft(fmt::format(R"({{"id":"{}","record":"casualty","writes":[{{"field":"name","value":"A"}}]}})", id))
            .error()
            .field == "triage");
  CHECK(draft(fmt::format(R"({{"id":"{}","record":"casualty","entity":"zzz","writes":[]}})", id)).error().field ==
        "entity");
  CHECK(
      draft(fmt::format(
                R"({{"id":"{}","record":"casualty","writes":[{{"field":"triage","value":"red","replaces":["d.x"]}}]}})",
                id))
          .error()
          .field == "triage");
  CHECK(
      draft(
          fmt::format(
              R"({{"id":"{}","record":"membership","entity":"x.0011223344556677","writes":[{{"field":"grant","value":"00"}}]}})",
              id))
          .error()
          .status == 422);
}

TEST_CASE("the schema and the OpenAPI document name every record and field") {
  const auto schema = json::serialize(schema_json());
  const auto openapi = json::serialize(openapi_json("1.2.3"));
  for (const auto& record : model::records()) {
    CHECK(openapi.find(fmt::format("\"record_{}\"", record.name)) != std::string::npos);
    for (const auto& spec : record.fields)
      CHECK(schema.find(fmt::format("\"name\":\"{}\"", spec.name)) != std::string::npos);
  }
  CHECK(openapi.find("\"version\":\"1.2.3\"") != std::string::npos);
  // Every reference leads somewhere.
  const auto document = openapi_json("1");
  const auto& known = document.at("components").as_object().at("schemas").as_object();
  for (std::size_t at = openapi.find("#/components/schemas/"); at != std::string::npos;
       at = openapi.find("#/components/schemas/", at + 1)) {
    const auto begin = at + 21;
    CHECK(known.contains(openapi.substr(begin, openapi.find('"', begin) - begin)));
  }
}

namespace {

Status full_status() {
  Status status;
  PeerInfo peer;
  peer.lacks_here = 6;
  peer.lacks_here_by_class = {1, 2, 3};
  peer.to_level = Milliseconds(90'000);
  peer.why = "x";
  peer.links = {{"radio",
                 "serial",
                 "active",
                 "/dev/ttyS0",
                 {},
                 Milliseconds(1'800),
                 1,
                 2,
                 3,
                 41.5,
                 Milliseconds(12'000),
                 5.0,
                 6,
                 "x",
                 "both ways at once",
                 900}};
  status.peers = {peer};
  status.bearers = {{"radio",
                     "serial",
                     "2400 bit/s, half duplex",
                     "up",
                     "/dev/ttyS0",
                     41.5,
                     Milliseconds(12'000),
                     1,
                     2,
                     {{"heard before", 9}},
                     3,
                     4,
                     "x"}};
  status.bearers[0].in_use_bps = 900;
  status.cut_off = true;
  status.own_position = OwnPosition{*Position::from_degrees(47, 11), {}, "page"};
  return status;
}

}  // namespace

TEST_CASE("every key of a track, a record and the status stands in the OpenAPI document") {
  const auto document = openapi_json("1");
  const auto& schemas = document.at("components").as_object().at("schemas").as_object();
  const auto check = [&](std::string_view name, const json::object& shown) {
    const auto& known = schemas.at(name).as_object().at("properties").as_object();
    for (const auto& [key, value] : shown) {
      CAPTURE(std::string(key));
      CHECK(known.contains(key));
    }
  };
  const NameOf names = [](const model::KeyId&) { return std::string("N1"); };
  auto said = std::make_shared<model::Observation>();
  said->subject = model::external_name("icao", "4d2023");
  said->height = EllipsoidHeight(Metres{1});
  said->pressure_altitude = PressureAltitude(Metres{1});
  said->course = TrueBearing::from_degrees(1);
  said->speed = said->climb = MetresPerSecond{1};
  said->horizontal_error_95 = Metres{1};
  said->on_ground = true;
  said->battery_percent = 50;
  said->callsign = said->team = said->role = said->type = said->squawk = said->emergency = "x";
  picture::TrackView track{said->subject, {{said, {}, true}}, said->subject};
  const auto shown = track_json(track, names);
  CHECK(shown.at("time_doubtful") == true);
  check("Track", shown);

  picture::Stamp stamp;
  stamp.time = model::Hlc::at(utc_from_ms(1'700'000'301'000));
  stamp.source = "x";
  stamp.actor = model::KeyId{};
  const auto at = utc_from_ms(1'700'000'000'000);
  CHECK(stamp_json(stamp, at, names).at("doubtful") == true);
  CHECK_FALSE(stamp_json(stamp, at + Milliseconds(2'000), names).contains("doubtful"));
  check("Stamp", stamp_json(stamp, at, names));

  picture::EntityView entity;
  entity.id = said->subject;
  entity.spec = model::find_record("hazard");
  entity.position = *Position::from_degrees(47, 11);
  entity.height = EllipsoidHeight(Metres{1});
  entity.geometry = model::Geometry{model::Shape::Circle, {*entity.position}, 100};
  entity.created = entity.updated = entity.deleted_by = entity.revived_by = std::make_shared<picture::Stamp>(stamp);
  entity.clashes = {{}};
  entity.same_as = entity.tracks = {entity.id};
  const auto record = entity_json(entity, {}, false, names);
  check("Entity", record);
  check("Geometry", record.at("geometry").as_object());
  check("Saved", record.at("saved").as_object());
  Saved saved;
  saved.post_here = true;
  saved.reported = {{"V2", "POST 2"}};
  check("Saved", entity_json(entity, saved, false, names).at("saved").as_object());

  const auto whole = status_json(full_status());
  check("Status", whole);
  const auto& peer = whole.at("peers").as_array().at(0).as_object();
  check("Peer", peer);
  check("Link", peer.at("links").as_array().at(0).as_object());
  const auto& bearer = whole.at("bearers").as_array().at(0).as_object();
  check("Bearer", bearer);
  check("Channel", bearer.at("channel").as_object());
}

TEST_CASE("what a link does not measure is left out of the status, not told as zero") {
  auto status = full_status();
  auto shown = status_json(status).at("peers").as_array().at(0).as_object();
  CHECK(shown.at("lacks_here") == 6);
  CHECK(json::serialize(shown.at("lacks_here_by_class")) == R"({"urgent":1,"important":2,"routine":3})");
  CHECK(shown.at("to_level_ms") == 90'000);
  CHECK(shown.at("links").as_array().at(0).as_object().at("occupancy_percent") == 41.5);
  CHECK(shown.at("links").as_array().at(0).as_object().at("position_interval_ms") == 12'000);
  status.peers[0].to_level.reset();
  status.peers[0].links = {LinkInfo{}};
  shown = status_json(status).at("peers").as_array().at(0).as_object();
  CHECK_FALSE(shown.contains("to_level_ms"));
  const auto& link = shown.at("links").as_array().at(0).as_object();
  for (const auto* key : {"round_trip_ms", "retransmissions", "occupancy_percent", "position_interval_ms",
                          "loss_percent", "budget_left_bytes", "in_use_bps"})
    CHECK_FALSE(link.contains(key));
  CHECK(status_json(status).contains("cut_off_since_ms"));
  status.cut_off = false;
  CHECK_FALSE(status_json(status).contains("cut_off_since_ms"));
}

TEST_CASE("what another node says of a third is told as hearsay until it is heard first hand") {
  picture::EntityView entity;
  const auto key = [](std::uint8_t of) {
    model::KeyId id;
    id.value.fill(of);
    return id;
  };
  const model::StreamId urgent{{key(1), 1}, model::Class::Urgent, {}}, routine{{key(1), 1}, model::Class::Routine, {}};
  entity.coverage = {{urgent.writer, urgent.cls, 4}, {routine.writer, routine.cls, 9}};
  const NameOf names = [](const model::KeyId& id) { return std::to_string(id.value[0]); };
  Status status;
  auto held = std::make_shared<HeldTable>();
  auto reported = std::make_shared<ReportedTable>();
  (*held)[urgent][key(2)] = 4;
  (*held)[urgent][key(3)] = 4;
  (*reported)[routine][key(3)] = {9, key(2)};
  (*reported)[urgent][key(4)] = {4, key(2)};  // of the other stream nobody said anything
  (*reported)[routine][key(2)] = {8, key(3)};
  status.held = held;
  status.reported = reported;
  const auto saved = saved_of(entity, status, names);
  CHECK(saved.others.empty());
  REQUIRE(saved.reported.size() == 1);
  CHECK(saved.reported[0] == Saved::Hearsay{"3", "2"});
  (*held)[routine][key(3)] = 9;
  const auto later = saved_of(entity, status, names);
  CHECK(later.others == std::vector<std::string>{"3"});
  CHECK(later.reported.empty());
}
