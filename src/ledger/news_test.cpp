#include "ledger/news.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::ledger;
using model::Via;

namespace {

constexpr auto casualty = static_cast<std::uint16_t>(model::RecordKind::Casualty);
constexpr int red = 1, yellow = 2, green = 3;
const model::EntityId id = model::external_name("tak", "casualty-1");

model::FieldKey key_of(std::string_view field) { return model::find_field(casualty, field)->key(); }
model::Dot dot(std::uint64_t seq) { return {{}, model::Class::Important, seq}; }

model::Draft message(std::vector<std::pair<std::string_view, model::Value>> fields) {
  model::Draft out;
  out.record = casualty;
  out.entity = id;
  out.via = Via::Tak;
  for (auto& [field, value] : fields) out.writes.push_back({key_of(field), std::move(value), {}});
  return out;
}

picture::Choice said(model::Value value, std::uint64_t seq, Via via) {
  picture::Stamp stamp;
  stamp.dot = dot(seq);
  stamp.time = model::Hlc{seq};
  stamp.via = via;
  return {std::move(value), {dot(seq)}, std::make_shared<const picture::Stamp>(stamp)};
}

// A record and its log.
struct World {
  picture::EntityView view;
  std::vector<PastEvent> past;  // newest first
  News news{[this](const model::EntityId&) { return past; }};

  void shows(std::string_view field, picture::Choice acting, std::vector<picture::Choice> others = {}) {
    picture::FieldView out;
    out.key = key_of(field);
    out.spec = model::find_field(casualty, field);
    out.acting = std::move(acting);
    out.alternatives = std::move(others);
    view.id = id;
    view.record = casualty;
    std::erase_if(view.fields, [&](const auto& old) { return old.key == out.key; });
    view.fields.push_back(std::move(out));
  }
  void wrote(std::string_view field, model::Value value, std::uint64_t seq, Via via) {
    past.insert(past.begin(), {dot(seq), via, {{key_of(field), std::move(value), {}}}});
  }
  std::vector<model::Write> of(std::vector<std::pair<std::string_view, model::Value>> fields) {
    return news.of(message(std::move(fields)), &view, {}).draft.writes;
  }
};

}  // namespace

TEST_CASE("all of a first message is news, none of its repetition is") {
  World world;
  CHECK(world.news.of(message({{"triage", yellow}, {"count", 2}}), nullptr, {}).draft.writes.size() == 2);
  world.shows("triage", said(yellow, 1, Via::Tak));
  world.shows("count", said(2, 1, Via::Tak));
  CHECK(world.of({{"triage", yellow}, {"count", 2}}).empty());
}

TEST_CASE("what a message changes names the dots of the message before it") {
  World world;
  world.shows("triage", said(yellow, 1, Via::Tak));
  const auto news = world.of({{"triage", green}});
  REQUIRE(news.size() == 1);
  CHECK(news[0].replaced == std::vector{dot(1)});
}

TEST_CASE("an old value does not return over a person's, whether remembered or read from the log") {
  for (const bool remembered : {true, false}) {
    CAPTURE(remembered);
    World world;
    if (remembered) (void)world.news.of(message({{"triage", yellow}}), nullptr, {});
    world.wrote("triage", yellow, 1, Via::Tak);
    world.wrote("triage", red, 2, Via::Web);
    world.shows("triage", said(red, 2, Via::Web));
    CHECK(world.of({{"triage", yellow}}).empty());
    // A changed value stands beside the person's: it replaces only what this way said before.
    const auto news = world.of({{"triage", green}});
    REQUIRE(news.size() == 1);
    CHECK(news[0].replaced == std::vector{dot(1)});
  }
}

TEST_CASE("clients that show an old value are told again, those that show the right one are not") {
  World world;
  world.wrote("triage", yellow, 1, Via::Tak);
  world.wrote("triage", red, 2, Via::Web);
  world.shows("triage", said(red, 2, Via::Web));
  const std::vector<model::Write> told{{key_of("triage"), red, {}}};
  CHECK(world.news.of(message({{"triage", yellow}}), &world.view, told).overruled);
  // Nothing of an acknowledgement is in a client's form: there is nothing to put right.
  const std::vector<model::Write> same{{key_of("triage"), yellow, {}}};
  CHECK_FALSE(world.news.of(message({{"triage", yellow}}), &world.view, same).overruled);
}

TEST_CASE("an echo of what clients were told is no news, even where it lost something on the way") {
  World world;
  world.shows("triage", said(5, 1, Via::Web));  // black, which clients can only show as yellow
  const std::vector<model::Write> told{{key_of("triage"), yellow, {}}};
  CHECK(world.news.of(message({{"triage", yellow}}), &world.view, told).draft.writes.empty());
}

TEST_CASE("a client's change of what a person made replaces what it was shown, but never silently a triage") {
  World world;
  world.wrote("name", "Old", 1, Via::Web);
  world.shows("name", said("Climber", 2, Via::Web));
  world.shows("triage", said(red, 3, Via::Web));
  const std::vector<model::Write> told{{key_of("name"), "Climber", {}}, {key_of("triage"), red, {}}};
  const auto news = world.news.of(message({{"name", "Jo"}, {"triage", green}}), &world.view, told).draft.writes;
  REQUIRE(news.size() == 2);
  CHECK(news[0].replaced == std::vector{dot(2)});
  CHECK(news[1].replaced.empty());
  // It shows what it was told some time ago.
  CHECK(world.news.of(message({{"name", "Old"}}), &world.view, told).draft.writes.empty());
}

TEST_CASE("what somebody took out of a set does not come back by being repeated") {
  World world;
  const model::Value other = model::EntityId(model::external_name("tak", "other"));
  world.wrote("same_as", other, 1, Via::Tak);
  world.shows("same_as", said({}, 2, Via::Web));
  CHECK(world.of({{"same_as", other}}).empty());
}

TEST_CASE("what could not be written is news again") {
  World world;
  world.shows("triage", said(red, 2, Via::Web));
  CHECK(world.of({{"triage", green}}).size() == 1);
  CHECK(world.of({{"triage", green}}).empty());
  world.news.forget(id);
  CHECK(world.of({{"triage", green}}).size() == 1);
}
