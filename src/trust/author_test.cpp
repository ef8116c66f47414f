#include "trust/author.hpp"

#include <doctest/doctest.h>

#include <set>

#include "model/coverage.hpp"
#include "trust/test_world.hpp"

using namespace airbridge;
using namespace airbridge::trust;
using airbridge::model::Class;
using airbridge::model::ClockQuality;
using airbridge::model::Dot;
using airbridge::model::RecordKind;
using airbridge::model::Value;
using test::at;
using test::draft_of;
using test::write_of;

namespace {
const test::World world;

std::vector<AuthoredEntry> make(Author& author, const model::Draft& draft, std::int64_t ms = 0) {
  auto out = author.make(draft, at(ms), ClockQuality::Ntp);
  if (!out) FAIL(out.error().faults.front().message);
  return std::move(*out);
}
model::Draft journal(std::string text) {
  return draft_of(RecordKind::Journal, {write_of(RecordKind::Journal, "text", std::move(text))});
}
model::Draft red_casualty(std::string note, std::string identity) {
  std::vector<model::Write> writes{write_of(RecordKind::Casualty, "triage", "red"),
                                   write_of(RecordKind::Casualty, "place", Value::List{465'000'000, 77'000'000}),
                                   write_of(RecordKind::Casualty, "name", "Bridge 1"),
                                   write_of(RecordKind::Casualty, "made_up", true)};
  if (!note.empty()) writes.push_back(write_of(RecordKind::Casualty, "note", std::move(note)));
  if (!identity.empty()) writes.push_back(write_of(RecordKind::Casualty, "identity", std::move(identity)));
  return draft_of(RecordKind::Casualty, std::move(writes));
}
bool has(const model::Event& event, std::string_view field) {
  return std::any_of(event.writes.begin(), event.writes.end(),
                     [&](const model::Write& w) { return w.key == model::find_field(event.record, field)->key(); });
}
}  // namespace

TEST_CASE("an author numbers, chains and seals each stream of its own") {
  auto author = world.author(world.post, 7);
  std::array<model::Hash, model::class_count> heads;
  std::array<std::uint64_t, model::class_count> counts{};
  for (int c = 0; c < model::class_count; ++c) {
    heads[static_cast<std::size_t>(c)] =
        model::chain_start(world.incident, {author.writer(), static_cast<Class>(c), {}});
  }
  model::Hlc last;
  for (int i = 0; i < 20; ++i) {
    const auto draft =
        i % 3 == 0   ? red_casualty("", "")
        : i % 3 == 1 ? journal("x")
                     : [] { return draft_of(RecordKind::Message, {write_of(RecordKind::Message, "text", "hello")}); }();
    const auto made = make(author, draft, i);
    REQUIRE(made.size() == 1);
    const auto& m = made.front();
    const auto c = static_cast<std::size_t>(m.entry.stream.cls);
    CHECK(m.entry.stream.cls == (i % 3 == 0 ? Class::Urgent : i % 3 == 1 ? Class::Routine : Class::Important));
    CHECK(m.entry.seq == ++counts[c]);
    heads[c] = model::chain_next(heads[c], m.entry);
    CHECK(m.head == heads[c]);
    CHECK(m.seal.seq == m.entry.seq);
    CHECK(m.seal.head == m.head);
    CHECK(verify_seal(world.post.public_key(), world.incident, m.seal));
    CHECK(m.event.entity == model::EntityId(m.entry.dot()));
    CHECK(m.event.time > last);
    last = m.event.time;
    CHECK(model::decode_event(m.entry.public_part, m.entry.dot()) == m.event);
    CHECK(model::decode_entry(model::encode(m.entry)) == m.entry);
  }
}

TEST_CASE("private fields are in the private part, and nowhere else") {
  auto author = world.author(world.post, 7);
  const auto made = make(author, red_casualty("", "Ana Kovac"));
  REQUIRE(made.size() == 1);
  const auto& entry = made.front().entry;
  CHECK(as_text(entry.public_part).find("Kovac") == std::string_view::npos);
  CHECK(as_text(entry.private_part.ciphertext).find("Kovac") == std::string_view::npos);
  CHECK_FALSE(has(made.front().event, "identity"));
  const auto opened = open_private(entry.private_part.ciphertext, entry.dot(), world.incident, {world.care});
  REQUIRE(opened);
  CHECK(*opened == made.front().private_writes);
  CHECK(opened->front().value == Value("Ana Kovac"));
  // A node without it has the same chain.
  auto withheld = entry;
  withheld.private_part = model::PrivatePart::withheld(entry.private_part.hash);
  CHECK(model::chain_next(made.front().before.head, withheld) == made.front().head);
}

TEST_CASE("without a data key personal data is refused, and everything else is not") {
  auto author = world.author(world.post, 7, false);
  const auto refused = author.make(red_casualty("", "Ana"), at(0), ClockQuality::Ntp);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().faults.front().field == "identity");
  CHECK(make(author, red_casualty("", "")).front().entry.seq == 1);  // the refusal used no number
}

TEST_CASE("an urgent create stays small: what it needs goes first, the rest follows") {
  auto author = world.author(world.post, 7);
  const auto together = make(author, red_casualty("short", "Ana"));
  CHECK(together.size() == 1);  // 512 bytes ride along

  const auto made = make(author, red_casualty(std::string(3000, 'n'), std::string(150, 'A')));
  REQUIRE(made.size() == 2);
  const auto& first = made[0];
  const auto& rest = made[1];
  CHECK(first.entry.stream.cls == Class::Urgent);
  CHECK(first.entry.private_part.state == model::PrivatePart::State::Absent);
  CHECK(first.entry.size() < 150);
  for (const auto field : {"triage", "place", "name", "made_up"}) {
    CAPTURE(field);
    CHECK(has(first.event, field));
    CHECK_FALSE(has(rest.event, field));
  }
  CHECK(rest.entry.stream.cls == Class::Important);
  CHECK(rest.entry.seq == 1);
  CHECK(has(rest.event, "note"));
  CHECK(rest.private_writes.size() == 1);
  CHECK(rest.event.entity == model::EntityId(first.entry.dot()));
  CHECK(rest.event.after == std::vector<Dot>{first.entry.dot()});
  CHECK(rest.event.time > first.event.time);
  CHECK(verify_seal(world.post.public_key(), world.incident, rest.seal));

  // An update splits alike, about the entity it names.
  auto update = red_casualty(std::string(3000, 'n'), "");
  update.entity = model::external_name("tak", "uid");
  const auto updated = make(author, update);
  REQUIRE(updated.size() == 2);
  CHECK(updated[0].event.entity == *update.entity);
  CHECK(updated[1].event.entity == *update.entity);
}

TEST_CASE("an urgent create whose rest is all private splits too") {
  auto author = world.author(world.post, 7);
  auto draft = red_casualty("", "");
  draft.writes.push_back(write_of(RecordKind::Casualty, "condition", std::string(900, 'c')));
  const auto made = make(author, draft);
  REQUIRE(made.size() == 2);
  CHECK(made[1].event.writes.empty());
  CHECK(made[1].private_writes.size() == 1);
  CHECK(made[1].entry.stream.cls == Class::Important);
}

TEST_CASE("what is not urgent never splits") {
  auto author = world.author(world.post, 7);
  const auto made =
      make(author, draft_of(RecordKind::Casualty, {write_of(RecordKind::Casualty, "triage", "green"),
                                                   write_of(RecordKind::Casualty, "note", std::string(4000, 'n'))}));
  CHECK(made.size() == 1);
  CHECK(made.front().entry.stream.cls == Class::Important);
}

TEST_CASE("entries taken back leave no trace, one by one or both parts of a split") {
  auto author = world.author(world.post, 7), twin = world.author(world.post, 7);
  make(author, journal("kept"));
  make(twin, journal("kept"));
  author.take_back(make(author, red_casualty(std::string(3000, 'n'), "")));
  auto lost = make(author, journal("lost"));
  const auto lost_too = make(author, journal("lost too"));
  lost.insert(lost.end(), lost_too.begin(), lost_too.end());
  author.take_back(lost);
  const auto a = make(author, journal("next"), 10'000), b = make(twin, journal("next"), 10'000);
  CHECK(a.front().entry == b.front().entry);
  CHECK(a.front().head == b.front().head);
  CHECK(make(author, red_casualty("", "")).front().entry.seq == 1);
}

TEST_CASE("what is too long for an event is refused, and uses no number") {
  auto author = world.author(world.post, 7);
  std::vector<model::Write> writes{write_of(RecordKind::Message, "text", "x")};
  for (int i = 0; i < 20; ++i) writes.push_back(write_of(RecordKind::Message, "text", std::string(4000, 'x')));
  const auto refused = author.make(draft_of(RecordKind::Message, writes), at(0), ClockQuality::Ntp);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().faults.front().message == "an event holds at most 65536 bytes");
  CHECK(make(author, draft_of(RecordKind::Message, {write_of(RecordKind::Message, "text", "x")})).front().entry.seq ==
        1);
}

TEST_CASE("a draft the table refuses is refused with its faults") {
  auto author = world.author(world.post, 7);
  const auto refused = author.make(draft_of(RecordKind::Casualty, {}), at(0), ClockQuality::Ntp);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().faults.size() == 2);
}

TEST_CASE("a source is cleaned rather than costing the event") {
  auto author = world.author(world.post, 7);
  auto draft = journal("x");
  draft.source = "caf\xe9 " + std::string(400, 'y');
  const auto made = make(author, draft);
  CHECK(made.front().event.source.size() == model::source_max);
  CHECK(made.front().event.source.starts_with("caf? y"));
}

TEST_CASE("an author goes on where the log ends") {
  auto author = world.author(world.post, 7);
  make(author, journal("one"), 0);
  const auto last = make(author, journal("two"), 60'000);
  auto restarted = world.author(world.post, 7);
  restarted.resume(Class::Routine, 2, last.front().head, last.front().event.time);
  const auto next = make(restarted, journal("three"), 1000);  // the clock is a minute behind the log
  CHECK(next.front().entry.seq == 3);
  CHECK(next.front().before.head == last.front().head);
  CHECK(next.front().event.time > last.front().event.time);
}

TEST_CASE("a new incarnation begins every stream anew") {
  auto author = world.author(world.post, 7);
  const auto old = make(author, journal("one"));
  author.begin_incarnation(8);
  const auto fresh = make(author, journal("one"));
  CHECK(fresh.front().entry.seq == 1);
  CHECK(fresh.front().entry.stream.writer.incarnation == 8);
  CHECK(fresh.front().before.head == model::chain_start(world.incident, fresh.front().entry.stream));
  CHECK(fresh.front().head != old.front().head);
}

TEST_CASE("stamps follow other nodes' by at most five minutes, and a clock set back by hours") {
  auto author = world.author(world.post, 7);
  author.observe(model::Hlc::at(at(200'000)), at(0));
  CHECK(make(author, journal("x"), 0).front().event.time > model::Hlc::at(at(200'000)));
  author.observe(model::Hlc::at(at(900'000)), at(0));  // fifteen minutes ahead: their clock is wrong
  CHECK(make(author, journal("x"), 0).front().event.time < model::Hlc::at(at(300'001)));
  const auto back = make(author, journal("x"), -7'200'000);
  CHECK(back.front().event.time == model::Hlc::at(at(-7'200'000)));
  CHECK(back.front().entry.seq == 3);  // the order within the stream stands
}

TEST_CASE("a delete of what more streams touched than one event names is made in several") {
  auto author = world.author(world.post, 5);
  const model::EntityId site(model::external_name("test", "site"));
  auto draft =
      test::draft_of(model::RecordKind::Site, {test::write_of(model::RecordKind::Site, "deleted", true)}, site);
  for (std::uint32_t i = 1; i <= 150; ++i) {
    draft.writes[0].replaced.push_back({{world.truck.id(), i}, model::Class::Important, i});
  }
  const auto made = author.make(draft, test::at(0), model::ClockQuality::Rtc);
  REQUIRE(made);
  REQUIRE(made->size() == 3);
  std::set<model::Dot> named;
  for (const auto& one : *made) {
    const auto event = model::decode_event(one.entry.public_part, one.entry.dot());
    REQUIRE(event);
    CHECK(event->entity == site);
    REQUIRE(event->writes.size() == 1);
    named.insert(event->writes[0].replaced.begin(), event->writes[0].replaced.end());
  }
  CHECK(named.size() == 150);
  draft.writes[0].replaced.resize(model::coverage_max + 1, {{world.truck.id(), 1}, model::Class::Important, 1});
  CHECK_FALSE(author.make(draft, test::at(1), model::ClockQuality::Rtc));
}
