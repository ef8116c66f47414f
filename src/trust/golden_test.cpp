// The example logs of every release, read for ever: test/golden/model/v<n>/ and
// test/golden/trust/v<n>/. They are written once, before the release they
// belong to, and never changed: a test that fails here means that nodes in the
// field could no longer read what they hold. To make those of a new version,
// add its folder, and run with AIRBRIDGE_REWRITE=1 (files that are there are
// left alone).
//
// log.txt has a line an item, in the order of making:
//     genesis <hex>, datakey <group hex> <epoch> <key hex>, entry <hex>, seal
//     <hex> of the entry before it
// expected.txt says what the events mean, then where each chain ends.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "model/geometry.hpp"
#include "model/test_documents.hpp"
#include "trust/test_world.hpp"

using namespace airbridge;
using namespace airbridge::trust;
using model::RecordKind;
using model::Value;
using model::ValueType;
using test::write_of;

namespace {

std::string golden(std::string_view module, std::string_view file) {
  return fmt::format("{}/test/golden/{}/v1/{}", model::test::repository_root(), module, file);
}

// ---- reading, for ever ----

std::string text_of(const Value& value) {
  if (const auto* b = value.boolean()) return *b ? "true" : "false";
  if (const auto* i = value.integer()) return std::to_string(*i);
  if (const auto* text = value.text()) return "\"" + *text + "\"";
  if (const auto* bytes = value.bytes()) return fmt::format("h'{}'", to_hex(*bytes));
  if (const auto* id = value.entity()) return to_text(*id);
  if (const auto* list = value.list()) {
    std::string out = "[";
    for (const auto& item : *list) out += (out.size() > 1 ? ", " : "") + text_of(item);
    return out + "]";
  }
  return "null";
}

std::string text_of(std::string_view kind, const std::vector<model::Write>& writes) {
  std::string out;
  for (const auto& write : writes) {
    // By number: names may change between releases, numbers and rules may not.
    out += fmt::format("  {} {}.{} = {}", kind, write.key.number(), static_cast<int>(write.key.rule()),
                       text_of(write.value));
    for (const auto& dot : write.replaced) out += " replaces " + to_text(dot);
    out += "\n";
  }
  return out;
}

struct Log {
  model::Genesis genesis;
  model::IncidentId incident;
  std::vector<DataKey> keys;
  struct Item {
    model::Entry entry;
    model::Seal seal;
  };
  std::vector<Item> items;
};

Log read_log(const std::string& path) {
  Log log;
  std::istringstream lines(model::test::read_whole(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind, first, second, third;
    words >> kind >> first >> second >> third;
    if (kind == "genesis") {
      const auto genesis = model::decode_genesis(*from_hex(first));
      REQUIRE(genesis);
      CHECK(verify_genesis(*genesis));
      CHECK(to_hex(model::encode(*genesis)) == first);
      log.genesis = *genesis;
      log.incident = model::incident_of(*genesis);
    } else if (kind == "datakey") {
      log.keys.push_back({*model::GroupId::from_hex(first), std::stoull(second), {}});
      log.keys.back().key = *decltype(DataKey::key)::from_hex(third);
    } else if (kind == "entry") {
      const auto entry = model::decode_entry(*from_hex(first));
      REQUIRE(entry);
      CHECK(to_hex(model::encode(*entry)) == first);
      log.items.push_back({*entry, {}});
    } else if (kind == "seal") {
      const auto seal = model::decode_seal(*from_hex(first));
      REQUIRE(seal);
      CHECK(to_hex(model::encode(*seal)) == first);
      log.items.back().seal = *seal;
    } else if (!kind.empty() && kind.front() != '#') {
      FAIL("unknown line: " << line);
    }
  }
  return log;
}

// What the log means, as text.
std::string meaning_of(const Log& log) {
  std::string out = fmt::format("incident {} \"{}\"\n", log.incident.hex(), log.genesis.name);
  Roster roster(log.incident, log.genesis);
  std::map<model::StreamId, std::pair<std::uint64_t, model::Hash>> heads;
  for (const auto& [entry, seal] : log.items) {
    const auto dot = entry.dot();
    const auto event = model::decode_event(entry.public_part, dot);
    REQUIRE_MESSAGE(event, to_text(dot));
    CHECK(model::encode(*event, dot) == entry.public_part);
    auto& head = heads.try_emplace(entry.stream, 0, model::chain_start(log.incident, entry.stream)).first->second;
    REQUIRE(entry.seq == head.first + 1);
    head = {entry.seq, model::chain_next(head.second, entry)};
    CHECK(seal.head == head.second);

    out += fmt::format("{}\n  {} quality {} via {} \"{}\" entity {} record {}{}\n", to_text(dot), event->time.packed,
                       static_cast<int>(event->quality), static_cast<int>(event->via), event->source,
                       to_text(event->entity), event->record, event->actor ? " actor " + event->actor->hex() : "");
    for (const auto& after : event->after) out += "  after " + to_text(after) + "\n";
    out += text_of("public", event->writes);
    for (const auto& write : event->writes) {
      if (event->record != static_cast<std::uint16_t>(RecordKind::Membership) || write.key.number() != 6) continue;
      const auto grant = decode_grant(*write.value.bytes());
      REQUIRE(grant);
      roster.add(*grant);
    }
    if (entry.private_part.state == model::PrivatePart::State::Here) {
      const auto writes = open_private(entry.private_part.ciphertext, dot, log.incident, log.keys);
      REQUIRE_MESSAGE(writes, to_text(dot));
      out += text_of("private", *writes);
    } else if (entry.private_part.state == model::PrivatePart::State::Withheld) {
      out += "  private part withheld\n";
    }
  }
  for (const auto& [entry, seal] : log.items) {
    const auto key = roster.key_of(entry.stream.writer.author);
    REQUIRE_MESSAGE(key, to_text(entry.dot()));
    CHECK(verify_seal(*key, log.incident, seal));
    CHECK(roster.may_write(entry.stream.writer.author));
  }
  for (const auto& [stream, head] : heads) {
    out += fmt::format("head {} {} {}\n", to_text(stream), head.first, head.second.hex());
  }
  return out;
}

std::string members_of(const Roster& roster) {
  std::string out;
  for (const auto& [id, member] : roster.members()) {
    out += fmt::format("member {} {} {} \"{}\"\n", id.hex(), member.granted ? "granted" : "not granted",
                       name_of(member.grant.role), member.grant.name);
  }
  return out;
}

// ---- writing, once ----

Value some_value(const model::FieldSpec& field, std::size_t pick) {
  switch (field.type) {
    case ValueType::Boolean:
      return pick % 2 == 0;
    case ValueType::Integer:
      return field.rule == model::MergeRule::Counter ? Value(-3) : Value(static_cast<std::int64_t>(pick) + 2);
    case ValueType::Text:
    case ValueType::TextOrEntity:
      return std::string(field.name) + " \u00e9\u6c34";
    case ValueType::Code:
      return field.codes[pick % field.codes.size()].code;
    case ValueType::Bytes:
      return Bytes{0xAB, static_cast<std::uint8_t>(pick)};
    case ValueType::Place:
      return model::to_value(model::Place{*Position::from_degrees(46.5, 7.75), EllipsoidHeight(Metres{1234.5})});
    case ValueType::Geometry:
      return model::to_value(model::Geometry{model::Shape::Circle, {*Position::from_degrees(46.6, 7.8)}, 750});
    case ValueType::Entity:
      return model::EntityId(model::external_name("tak", "ANDROID-5f1c"));
    case ValueType::Time:
      return ms_of(test::at(3'600'000));
    case ValueType::List:
      return Value::List{Bytes{1, 2}, Value(), Value::List{"nested", -1, true}};
  }
  return {};
}

// Every record and field, three writers, all classes, replaced writes, splits,
// removals, a new incarnation.
std::string write_log(const test::World& world) {
  std::string out =
      "# Made from fixed seeds; every key in it is public. No "
      "real person or incident.\n";
  out += "genesis " + to_hex(model::encode(world.genesis)) + "\n";
  out += fmt::format("datakey {} {} {}\n", world.care.group.hex(), world.care.epoch, world.care.key.hex());
  Author authors[] = {world.author(world.authority, 5), world.author(world.post, 7), world.author(world.truck, 9)};
  std::int64_t ms = 0;
  const auto make = [&](Author& author, model::Draft draft) {
    ms += 1500;
    const auto made = author.make(draft, test::at(ms), static_cast<model::ClockQuality>((ms / 1500) % 4));
    if (!made) FAIL(made.error().faults.front().message);
    for (const auto& m : *made) {
      out += "entry " + to_hex(model::encode(m.entry)) + "\n";
      out += "seal " + to_hex(model::encode(m.seal)) + "\n";
    }
    return *made;
  };
  const auto enrol = [&](const Grant& grant) {
    make(authors[0], test::draft_of(RecordKind::Membership, {write_of(RecordKind::Membership, "grant", encode(grant))},
                                    model::EntityId(model::external_name("key", model::key_id_of(grant.key).hex()))));
  };
  enrol(world.grant(world.authority, world.post, Role::Coordinator, "POST 1"));
  enrol(world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation"));
  enrol(world.grant(world.invitation, world.truck, Role::Responder, "TRUCK 2"));
  std::size_t turn = 0;
  model::Dot casualty;
  for (const auto& record : model::records()) {
    if (record.kind == RecordKind::Membership) continue;
    for (std::size_t pick = 0; pick < 2; ++pick) {
      auto& author = authors[++turn % 3];
      std::vector<model::Write> writes;
      for (const auto& field : record.fields) writes.push_back({field.key(), some_value(field, pick), {}});
      for (const auto& field : model::common_fields()) {
        if (field.number != model::field::deleted) writes.push_back({field.key(), some_value(field, pick), {}});
      }
      auto draft = test::draft_of(record.kind, writes);
      draft.via = static_cast<model::Via>(turn % 11);
      draft.source = pick == 0 ? "" : "127.0.0.1:8087";
      if (pick == 1) draft.actor = world.guest.id();
      const auto made = make(author, draft);
      if (record.kind == RecordKind::Casualty) casualty = made.front().entry.dot();
      // Somebody else changes the first field, and says what they saw.
      const auto& field = record.fields.front();
      make(authors[(turn + 1) % 3],
           test::draft_of(record.kind, {{field.key(), some_value(field, pick + 1), {made.front().entry.dot()}}},
                          made.front().event.entity));
    }
  }
  using enum RecordKind;
  make(authors[1],
       test::draft_of(Casualty, {write_of(Casualty, "triage", "red"), write_of(Casualty, "note", std::string(600, 'n')),
                                 write_of(Casualty, "condition", std::string(200, 'c'))}));
  make(authors[2], test::draft_of(Casualty, {write_of(Casualty, "destination", Value(), {casualty})}, casualty));
  make(authors[2], test::draft_of(Casualty, {write_of(Casualty, "deleted", true, {casualty})}, casualty));
  authors[2].begin_incarnation(10);
  make(authors[2], test::draft_of(Journal, {write_of(Journal, "text", "one"), write_of(Journal, "text", "two"),
                                            write_of(Journal, "about", model::EntityId(casualty))}));
  make(authors[2], test::draft_of(Request, {write_of(Request, "category", "medevac")}));
  const auto site =
      make(authors[0],
           test::draft_of(Site, {write_of(Site, "category", "landing_zone"), write_of(Site, "supplies", 40)}))
          .front()
          .entry.dot();
  make(authors[1], test::draft_of(Site, {write_of(Site, "supplies", -15), write_of(Site, "state", "closed")}, site));
  make(authors[2],
       test::draft_of(Site, {write_of(Site, "state", "open"), write_of(Site, "same_as", Value(), {site})}, site));
  const model::Geometry cable{
      model::Shape::Line, {*Position::from_degrees(-12.25, 179.5), *Position::from_degrees(-12.5, -179.75)}, 0};
  auto hazard = test::draft_of(Hazard, {write_of(Hazard, "category", "cable"), write_of(Hazard, "state", "raised"),
                                        write_of(Hazard, "geometry", model::to_value(cable))});
  hazard.after = {site, casualty};
  make(authors[1], hazard);
  // A private part that stayed elsewhere.
  const auto kept =
      authors[1].make(test::draft_of(Casualty, {write_of(Casualty, "identity", "stays at home")}, casualty),
                      test::at(ms + 1500), model::ClockQuality::Gnss);
  auto entry = kept->front().entry;
  entry.private_part = model::PrivatePart::withheld(entry.private_part.hash);
  out += "entry " + to_hex(model::encode(entry)) + "\nseal " + to_hex(model::encode(kept->front().seal)) + "\n";
  return out;
}
}  // namespace

TEST_CASE("the golden log of version 1 is read as on the day it was written") {
  const auto path = golden("model", "log.txt"), expected = golden("model", "expected.txt");
  if (model::test::is_rewriting() && !std::filesystem::exists(path)) {
    model::test::write_whole(path, write_log(test::World()));
    model::test::write_whole(expected, meaning_of(read_log(path)));
  }
  const auto log = read_log(path);
  CHECK(log.items.size() >= 60);
  CHECK(meaning_of(log) == model::test::read_whole(expected));

  // It stays worth keeping: every class, several writers, every record, private
  // parts, replaced writes.
  std::set<model::Class> classes;
  std::set<model::Writer> writers;
  std::set<std::uint16_t> records;
  std::size_t private_parts = 0;
  for (const auto& [entry, seal] : log.items) {
    classes.insert(entry.stream.cls);
    writers.insert(entry.stream.writer);
    records.insert(model::decode_event(entry.public_part, entry.dot())->record);
    private_parts += entry.private_part.state == model::PrivatePart::State::Here;
  }
  CHECK(classes.size() == 3);
  CHECK(writers.size() == 4);
  CHECK(records.size() == 13);
  CHECK(private_parts >= 5);
}

TEST_CASE(
    "the golden grants of version 1 give the same roster as on the day "
    "they were written") {
  const auto path = golden("trust", "grants.txt"), expected = golden("trust", "expected.txt");
  if (model::test::is_rewriting() && !std::filesystem::exists(path)) {
    const test::World world;
    std::string out = "# Made from fixed seeds; every key in it is public.\n";
    out += "genesis " + to_hex(model::encode(world.genesis)) + "\n";
    for (const auto& grant : {world.grant(world.invitation, world.truck, Role::Responder, "TRUCK 2"),
                              world.grant(world.invitation, world.post, Role::Responder, "Impostor", 99),
                              world.grant(world.authority, world.post, Role::Coordinator, "POST 1"),
                              world.grant(world.authority, world.post, Role::Coordinator, "POST ONE", 50),
                              world.grant(world.authority, world.guest, Role::Viewer, "Guest \u6c34"),
                              world.grant(world.truck, world.stranger, Role::Responder, "Stranger"),
                              world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation")}) {
      out += "grant " + to_hex(encode(grant)) + "\n";
    }
    model::test::write_whole(path, out);
  }
  std::istringstream lines(model::test::read_whole(path));
  std::optional<Roster> roster;
  for (std::string line; std::getline(lines, line);) {
    const auto space = line.find(' ');
    const auto kind = line.substr(0, space), hex = line.substr(space + 1);
    if (kind == "genesis") {
      const auto genesis = model::decode_genesis(*from_hex(hex));
      REQUIRE(genesis);
      roster.emplace(model::incident_of(*genesis), *genesis);
    } else if (kind == "grant") {
      const auto grant = decode_grant(*from_hex(hex));
      REQUIRE(grant);
      CHECK(to_hex(encode(*grant)) == hex);
      roster->add(*grant);
    }
  }
  REQUIRE(roster);
  if (model::test::is_rewriting() && !std::filesystem::exists(expected)) {
    model::test::write_whole(expected, members_of(*roster));
  }
  CHECK(members_of(*roster) == model::test::read_whole(expected));
}
