#include "model/schema.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "model/geometry.hpp"
#include "model/test_documents.hpp"
#include "model/test_events.hpp"

using namespace airbridge;
using namespace airbridge::model;

namespace {
std::uint16_t record(RecordKind kind) { return static_cast<std::uint16_t>(kind); }

// A write of a field by its names, a code by its own.
Write set(RecordKind kind, std::string_view field, Value value) {
  const auto* spec = find_field(record(kind), field);
  REQUIRE(spec != nullptr);
  return {spec->key(), std::move(value), {}};
}
Write set_code(RecordKind kind, std::string_view field, std::string_view code) {
  const auto* spec = find_field(record(kind), field);
  REQUIRE(spec != nullptr);
  REQUIRE(find_code(*spec, code) != nullptr);
  return {spec->key(), Value(find_code(*spec, code)->code), {}};
}

Draft draft(RecordKind kind, std::vector<Write> writes) {
  Draft out;
  out.record = record(kind);
  out.writes = std::move(writes);
  return out;
}
Draft update(RecordKind kind, std::vector<Write> writes) {
  auto out = draft(kind, std::move(writes));
  out.entity = external_name("tak", "uid");
  return out;
}
// The one fault a draft has.
std::string message_of(const Draft& draft) {
  const auto faults = validate(draft);
  if (faults.size() != 1) return std::to_string(faults.size()) + " faults";
  return faults.front().message;
}
Value place(double lat, double lon) { return to_value(Place{*Position::from_degrees(lat, lon), std::nullopt}); }
}  // namespace

TEST_CASE("numbers and names of records are unique") {
  std::set<std::uint16_t> numbers;
  std::set<std::string_view> names;
  std::set<char> letters;
  for (const auto& spec : records()) {
    CAPTURE(spec.name);
    CHECK(numbers.insert(record(spec.kind)).second);
    CHECK(names.insert(spec.name).second);
    CHECK(letters.insert(spec.letter).second);
    CHECK(find_record(record(spec.kind)) == &spec);
    CHECK(find_record(spec.name) == &spec);
  }
  CHECK(records().size() == 13);
  CHECK(find_record(std::uint16_t{0}) == nullptr);
  CHECK(find_record("enemy") == nullptr);
}

TEST_CASE("numbers, names and codes of fields are unique, and rules fit four bits") {
  for (const auto& spec : records()) {
    std::set<std::uint32_t> numbers;
    std::set<std::string_view> names;
    const auto check = [&](const FieldSpec& f, bool common) {
      CAPTURE(f.name);
      CHECK(numbers.insert(f.number).second);
      CHECK(names.insert(f.name).second);
      CHECK((f.number <= 5) == common);  // 0..5 mean the same everywhere
      CHECK(static_cast<unsigned>(f.rule) <= static_cast<unsigned>(MergeRule::Tombstone));
      CHECK(f.key().number() == f.number);
      CHECK(f.key().rule() == f.rule);
      CHECK((f.type == ValueType::Code) == !f.codes.empty());
      CHECK_FALSE(f.words.empty());
      if (f.type == ValueType::Text || f.type == ValueType::Bytes || f.type == ValueType::List) CHECK(f.text_max > 0);
      CHECK(f.text_max < event_bytes_max);
      std::set<std::int64_t> codes;
      std::set<std::string_view> code_names;
      for (const auto& code : f.codes) {
        CAPTURE(code.name);
        CHECK(codes.insert(code.code).second);
        CHECK(code_names.insert(code.name).second);
        CHECK(code.code > 0);
        CHECK(code.caution >= 0);
        CHECK(find_code(f, code.code) == &code);
        CHECK(find_code(f, code.name) == &code);
      }
      CHECK(find_field(record(spec.kind), f.key()) == &f);
      CHECK(find_field(record(spec.kind), f.name) == &f);
      CHECK(find_field(record(spec.kind), FieldKey{f.key().raw ^ 1}) == nullptr);  // another rule
      if (f.privacy == Privacy::Private) CHECK(f.cls != Class::Urgent);            // what is urgent can be read by all
    };
    for (const auto& f : common_fields()) check(f, true);
    for (const auto& f : spec.fields) check(f, false);
  }
  CHECK(common_fields().size() == 6);
}

TEST_CASE("only what saves lives is urgent") {
  const auto is_urgent = [](const Write& write, RecordKind kind) {
    return class_of(record(kind), write) == Class::Urgent;
  };
  using enum RecordKind;
  CHECK(is_urgent(set_code(Casualty, "triage", "red"), Casualty));
  CHECK(is_urgent(set_code(Casualty, "triage", "black"), Casualty));
  CHECK_FALSE(is_urgent(set_code(Casualty, "triage", "green"), Casualty));
  CHECK(is_urgent(set_code(Casualty, "life", "deceased"), Casualty));
  CHECK(is_urgent(set_code(Site, "state", "closed"), Site));
  CHECK_FALSE(is_urgent(set_code(Site, "state", "open"), Site));
  CHECK(is_urgent(set_code(Hazard, "state", "raised"), Hazard));
  CHECK_FALSE(is_urgent(set_code(Hazard, "state", "cleared"), Hazard));
  CHECK(is_urgent(set_code(Request, "category", "medevac"), Request));
  CHECK(is_urgent(set_code(Request, "category", "distress"), Request));
  CHECK_FALSE(is_urgent(set_code(Request, "category", "supplies"), Request));
  CHECK(is_urgent(set_code(Task, "order", "evacuate"), Task));
  CHECK(is_urgent(set_code(Task, "order", "stop"), Task));
  CHECK(is_urgent(set_code(Unit, "state", "distress"), Unit));
  CHECK(is_urgent(set_code(Message, "priority", "distress"), Message));
  CHECK(is_urgent(set(Membership, "grant", Bytes{1}), Membership));
  CHECK(class_of(record(Casualty), set_code(Casualty, "triage", "green")) == Class::Important);
  CHECK(class_of(record(Journal), set(Journal, "text", "x")) == Class::Routine);
  CHECK(class_of(record(Casualty), Write{FieldKey::of(900, MergeRule::Ranked), 1, {}}) == Class::Routine);
  CHECK(class_of(9999, Write{FieldKey::of(900, MergeRule::Ranked), 1, {}}) == Class::Routine);

  const std::vector<Write> mixed{set(Casualty, "age", 30), set_code(Casualty, "triage", "red")};
  CHECK(class_of(record(Casualty), mixed) == Class::Urgent);
  CHECK(class_of(record(Casualty), std::span<const Write>{}) == Class::Routine);
}

TEST_CASE("of concurrent values the most cautious is acted on") {
  const auto* triage = find_field(record(RecordKind::Casualty), "triage");
  const auto caution = [&](std::string_view code) { return caution_of(triage, find_code(*triage, code)->code); };
  CHECK(caution("red") > caution("yellow"));
  CHECK(caution("yellow") > caution("green"));
  CHECK(caution("red") > caution("black"));
  CHECK(caution_of(triage, 77) > caution("red"));         // a newer version's code
  CHECK(caution_of(triage, "red") > caution("red"));      // not even a code
  CHECK(caution_of(triage, Value()) < caution("black"));  // cleared
  CHECK(caution_of(nullptr, 5) == 0);
  CHECK(caution_of(find_field(record(RecordKind::Casualty), "identity"), "Ana") == 0);
}

TEST_CASE("of two shapes the larger is the more cautious, wherever they lie") {
  const auto* extent = find_field(record(RecordKind::Hazard), "geometry");
  const auto at = [](double lat, double lon) { return *Position::from_degrees(lat, lon); };
  const auto caution = [&](const Geometry& geometry) { return caution_of(extent, to_value(geometry)); };
  CHECK(caution({Shape::Point, {at(1, 2)}, 0}) == 0);
  CHECK(caution({Shape::Circle, {at(1, 2)}, 500}) == 2000);
  CHECK(caution({Shape::Circle, {at(1, 2)}, 501}) > caution({Shape::Circle, {at(1, 2)}, 500}));
  // One minute of latitude is a nautical mile; of longitude at 60 degrees half of one.
  CHECK(caution({Shape::Line, {at(60, 10), at(60 + 1.0 / 60, 10)}, 0}) == doctest::Approx(1853).epsilon(0.002));
  CHECK(caution({Shape::Line, {at(60, 10), at(60, 10 + 1.0 / 60)}, 0}) == doctest::Approx(927).epsilon(0.003));
  // Where the ring begins does not matter, nor does the antimeridian.
  const auto a = caution({Shape::Area, {at(0, 179.9), at(0, -179.9), at(1, 180)}, 0});
  CHECK(a == caution({Shape::Area, {at(1, 180), at(0, 179.9), at(0, -179.9)}, 0}));
  CHECK(a < 150'000);
  CHECK(caution_of(extent, Value()) == -1);
  CHECK(caution_of(extent, "somewhere") == INT64_MAX);
}

TEST_CASE("requests and tasks go from state to state as people work") {
  const auto request = record(RecordKind::Request), task = record(RecordKind::Task);
  // Rows from, columns to: 1 allowed.
  static constexpr std::string_view requests[] = {"11111", "11111", "10111", "10011", "10001"};
  static constexpr std::string_view tasks[] = {"1111101", "0111111", "0111111", "0101111",
                                               "0100100", "0100011", "0100001"};
  for (std::int64_t from = 1; from <= 5; ++from) {
    for (std::int64_t to = 1; to <= 5; ++to) {
      CAPTURE(from);
      CAPTURE(to);
      CHECK(transition_allowed(request, from, to) == (requests[from - 1][static_cast<std::size_t>(to - 1)] == '1'));
    }
  }
  for (std::int64_t from = 1; from <= 7; ++from) {
    for (std::int64_t to = 1; to <= 7; ++to) {
      CAPTURE(from);
      CAPTURE(to);
      CHECK(transition_allowed(task, from, to) == (tasks[from - 1][static_cast<std::size_t>(to - 1)] == '1'));
    }
  }
  CHECK(transition_allowed(record(RecordKind::Unit), 1, 7));
}

TEST_CASE("a good draft of every record is taken") {
  using enum RecordKind;
  for (const auto& d :
       {draft(Unit, {set_code(Unit, "category", "helicopter"), set(Unit, "callsign", "REGA 1"),
                     set_code(Unit, "capability", "winch"), set_code(Unit, "capability", "medical")}),
        draft(Casualty, {set_code(Casualty, "triage", "red"), set(Casualty, "place", place(46.5, 7.7)),
                         set(Casualty, "identity", "Ana")}),
        draft(Message, {set(Message, "text", "one"), set(Message, "to", EntityId(external_name("tak", "x"))),
                        set(Message, "to", "N 2")}),
        draft(Journal, {set(Journal, "text", "one"), set(Journal, "text", "two")}),
        update(Casualty, {set(Casualty, "destination", Value())}), update(Site, {set(Site, "deleted", true)})}) {
    CHECK(validate(d).empty());
  }
}

TEST_CASE("each refusal says what is wrong, where, and what would do") {
  using enum RecordKind;
  Draft unknown;
  unknown.record = 99;
  CHECK(message_of(unknown) == "record 99 is not known here");
  CHECK(message_of(update(Unit, {})) == "nothing is written");
  CHECK(message_of(draft(Unit, {set(Unit, "callsign", "x")})) == "a new unit needs category");
  CHECK(message_of(draft(Unit, {set(Unit, "category", Value())})) == "a new unit needs category");
  CHECK(message_of(update(Unit, {{FieldKey::of(77, MergeRule::Ranked), 1, {}}})) == "field 77 does not exist in unit");
  CHECK(message_of(update(Unit, {set(Unit, "crew", 1), set(Unit, "crew", 2)})) == "crew is written twice");
  CHECK(message_of(update(Unit, {set(Unit, "crew", "four")})) == "crew: must be a whole number");
  CHECK(message_of(update(Unit, {set(Unit, "crew", INT64_MIN)})) == "crew: must lie within +-1000000000");
  CHECK(message_of(update(Unit, {set(Unit, "crew", std::int64_t{1'000'000'001})})) ==
        "crew: must lie within +-1000000000");
  CHECK(message_of(update(Unit, {set(Unit, "callsign", 5)})) == "callsign: must be text");
  CHECK(message_of(update(Unit, {set(Unit, "callsign", std::string(65, 'x'))})) ==
        "callsign: 65 bytes, at most 64 fit");
  CHECK(message_of(update(Unit, {set(Unit, "callsign", "\xff")})) == "callsign: is not valid UTF-8");
  CHECK(message_of(update(Unit, {set(Unit, "state", "tasked")})) == "state: must be a code");
  CHECK(message_of(update(Unit, {set(Unit, "state", 88)})) == "state: code 88 is not known here");
  CHECK(validate(update(Unit, {set(Unit, "state", 88)})).front().hint.find("available, tasked") != std::string::npos);
  CHECK(message_of(update(Unit, {set(Unit, "made_up", 1)})) == "made_up: must be true or false");
  CHECK(message_of(update(Unit, {set(Unit, "document", "x")})) == "document: must be bytes");
  CHECK(message_of(update(Unit, {set(Unit, "document", Bytes(60'001))})) == "document: at most 60000 bytes fit");
  CHECK(message_of(update(Unit, {set(Unit, "place", Value::List{std::int64_t{900'000'001}, 0})})) ==
        "place: is not a position");
  CHECK(message_of(update(Hazard, {set(Hazard, "geometry", Value::List{9})})) ==
        "geometry: is not a point, line, area or circle");
  CHECK(message_of(update(Unit, {set(Unit, "home", "base")})) == "home: must name a record by its id");
  CHECK(message_of(update(Unit, {set(Unit, "home", EntityId())})) == "home: must name a record by its id");
  CHECK(message_of(update(Casualty, {set(Casualty, "destination", 5)})) ==
        "destination: must be text or the id of a record");
  CHECK(message_of(update(Task, {set(Task, "due", "now")})) == "due: must be a time in ms since 1970");
  CHECK(message_of(update(Task, {set(Task, "due", -1)})) == "due: lies outside 1970..2199");
  CHECK(message_of(update(Task, {set(Task, "due", std::int64_t{7'258'118'400'000})})) ==
        "due: lies outside 1970..2199");
  CHECK(message_of(update(Plan, {set(Plan, "version", 1)})) == "version: must be a list");
  CHECK(message_of(update(Message, {set(Message, "text", Value())})) == "text: says nothing");
  CHECK(message_of(update(Site, {set(Site, "supplies", Value())})) == "supplies: says nothing");
}

TEST_CASE("a draft that no decoder would take is refused") {
  using enum RecordKind;
  auto d = update(Unit, {set(Unit, "crew", 1)});
  d.writes.front().replaced.assign(replaced_max + 1, Dot{{}, Class::Routine, 1});
  CHECK(message_of(d) == "crew replaces more than 64 values");
  d.writes.front().replaced.assign(1, Dot{});
  CHECK(message_of(d) == "an event numbered 0 is named; they begin at 1");
  d.writes.front().replaced.clear();
  d.after.assign(after_max + 1, Dot{{}, Class::Routine, 1});
  CHECK(message_of(d) == "at most 4 events can be named");
  d.after.assign(1, Dot{});
  CHECK(message_of(d) == "an event numbered 0 is named; they begin at 1");
  d.after.clear();
  d.entity = EntityId();
  CHECK(message_of(d) == "an event numbered 0 is named; they begin at 1");
  d = update(Message, std::vector<Write>(writes_max + 1, set(Message, "text", "x")));
  CHECK(message_of(d) == "at most 64 writes fit in one command");

  test::Maker maker(1);
  d = update(Message, {set(Message, "text", "x"), set(Message, "text", "y")});
  for (std::size_t i = 0; i <= names_max; ++i) {
    d.writes[i % 2].replaced.push_back({{maker.fixed<KeyId>(), 1}, Class::Routine, 1});
  }
  CHECK(message_of(d) == "events of at most 64 writers can be named");

  Value deep = 1;
  for (std::size_t i = 0; i < value_depth_max; ++i) deep = Value::List{deep};
  CHECK(message_of(update(Plan, {set(Plan, "version", deep)})) ==
        "version: holds text that is not UTF-8, or lists nested too deep");
  CHECK(message_of(update(Plan, {set(Plan, "version", Value::List{"\xc0"})})) ==
        "version: holds text that is not UTF-8, or lists nested too deep");
  CHECK(message_of(update(Plan, {set(Plan, "version", Value::List{Bytes(60'001)})})) ==
        "version: at most 60000 bytes fit");
}

TEST_CASE("docs/protocol/records.md is the table") { test::check_generated("records.md", records_document()); }
