// The worked examples of docs/protocol/{event,observation,trust}.md: the bytes in the documents are what the code
// writes and reads. AIRBRIDGE_REWRITE=1 writes the bytes anew.
#include <doctest/doctest.h>

#include "model/observation.hpp"
#include "model/test_documents.hpp"
#include "trust/test_world.hpp"

using namespace airbridge;
using namespace airbridge::trust;
using model::RecordKind;
using model::Value;
using model::test::check_example;
using test::write_of;

namespace {
const test::World world;
constexpr std::string_view event_keys[] = {"schema", "time",   "quality", "actor",  "via",
                                           "names",  "entity", "record",  "writes", "after"};
constexpr std::string_view observation_keys[] = {"subject",  "kind",      "via",       "source", "gateway",
                                                 "measured", "lat",       "lon",       "height", "pressure altitude",
                                                 "course",   "speed",     "climb",     "error",  "ground",
                                                 "battery",  "call sign", "team",      "role",   "type",
                                                 "squawk",   "emergency", "heard only"};

std::vector<AuthoredEntry> make(Author& author, const model::Draft& draft, std::int64_t ms) {
  auto made = author.make(draft, test::at(ms), model::ClockQuality::Ntp);
  if (!made) FAIL(made.error().faults.front().message);
  return std::move(*made);
}

AuthoredEntry created() {
  auto author = world.author(world.post, 7);
  return make(author,
              test::draft_of(RecordKind::Casualty,
                             {write_of(RecordKind::Casualty, "triage", "red"),
                              write_of(RecordKind::Casualty, "place", Value::List{465'000'000, 77'500'000, 123'400}),
                              write_of(RecordKind::Casualty, "identity", "Ana")}),
              1000)
      .front();
}
}  // namespace

TEST_CASE("event.md: events") {
  const auto first = created();
  const auto event = model::decode_event(first.entry.public_part, first.entry.dot());
  REQUIRE(event);
  CHECK(*event == first.event);
  CHECK(event->quality == model::ClockQuality::Ntp);
  CHECK(event->writes.size() == 2);
  check_example("event.md", "event-create", first.entry.public_part, true, event_keys);

  auto author = world.author(world.truck, 9);
  const auto second =
      make(author,
           test::draft_of(
               RecordKind::Casualty,
               {write_of(RecordKind::Casualty, "triage", "yellow", {first.entry.dot()}),
                write_of(RecordKind::Casualty, "destination", model::EntityId(model::external_name("tak", "LZ-1")))},
               model::EntityId(first.entry.dot())),
           61'000)
          .front();
  check_example("event.md", "event-update", second.entry.public_part, true, event_keys);
  CHECK(second.entry.dot() == model::Dot{{world.truck.id(), 9}, model::Class::Important, 1});
  const auto read = model::decode_event(*model::test::example("event.md", "event-update"), second.entry.dot());
  REQUIRE(read);
  CHECK(read->entity == model::EntityId(first.entry.dot()));
  CHECK(read->writes.front().replaced == std::vector<model::Dot>{first.entry.dot()});
}

TEST_CASE("event.md: private part, entry, chain and seal") {
  const auto made = created();
  check_example("event.md", "private-part", made.entry.private_part.ciphertext);
  const auto opened =
      open_private(*model::test::example("event.md", "private-part"), made.entry.dot(), world.incident, {world.care});
  REQUIRE(opened);
  CHECK(opened->front().value == Value("Ana"));

  check_example("event.md", "entry", model::encode(made.entry));
  CHECK(model::decode_entry(*model::test::example("event.md", "entry")) == made.entry);
  check_example("event.md", "chain-start", model::chain_start(world.incident, made.entry.stream).view(), false);
  check_example("event.md", "chain-first", made.head.view(), false);
  check_example("event.md", "seal", model::encode(made.seal));
  const auto seal = model::decode_seal(*model::test::example("event.md", "seal"));
  REQUIRE(seal);
  CHECK(verify_seal(world.post.public_key(), world.incident, *seal));
}

TEST_CASE("event.md: genesis and names") {
  check_example("event.md", "external-name", model::external_name("icao", "4d2023").view(), false);
  check_example("event.md", "genesis-text", model::genesis_text(world.genesis));
  check_example("event.md", "genesis", model::encode(world.genesis));
  check_example("event.md", "incident", world.incident.view(), false);
  const auto genesis = model::decode_genesis(*model::test::example("event.md", "genesis"));
  REQUIRE(genesis);
  CHECK(verify_genesis(*genesis));
  CHECK(model::incident_of(*genesis) == world.incident);
}

TEST_CASE("observation.md: an observation") {
  model::Observation o;
  o.subject = model::external_name("icao", "4b4201");
  o.kind = model::SubjectKind::Helicopter;
  o.via = model::Via::Adsb;
  o.source = "127.0.0.1:30003";
  o.gateway = world.post.id();
  o.measured = test::at(5000);
  o.position = *Position::from_degrees(46.5, 7.75);
  o.pressure_altitude = PressureAltitude(Metres::from_feet(7000));
  o.course = TrueBearing::from_degrees(271.5);
  o.speed = MetresPerSecond::from_knots(110);
  o.climb = MetresPerSecond::from_feet_per_minute(-500);
  o.on_ground = false;
  o.callsign = "REGA 1";
  o.squawk = "4401";
  o.heard_only = true;
  check_example("observation.md", "observation", model::encode(o), true, observation_keys);
  const auto read = model::decode_observation(*model::test::example("observation.md", "observation"));
  REQUIRE(read);
  CHECK(read->callsign == "REGA 1");
  CHECK(read->climb->value == doctest::Approx(-2.54));
  CHECK(read->heard_only);
}

TEST_CASE("trust.md: grants and enrolment") {
  const auto grant = world.grant(world.authority, world.post, Role::Coordinator, "POST 1");
  const auto invitation = world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation");
  const auto enrolled = world.grant(world.invitation, world.truck, Role::Responder, "TRUCK 2");
  const auto bytes = encode(grant);
  model::cbor::Reader outer(bytes);
  outer.array(2);
  check_example("trust.md", "grant-text", outer.bytes(4096));
  check_example("trust.md", "grant", bytes);
  check_example("trust.md", "grant-enrolment", encode(invitation));
  check_example("trust.md", "grant-enrolled", encode(enrolled));
  Roster roster(world.incident, world.genesis);
  for (const auto name : {"grant-enrolled", "grant", "grant-enrolment"}) {
    const auto read = decode_grant(*model::test::example("trust.md", name));
    REQUIRE(read);
    CHECK(roster.add(*read));
  }
  CHECK(roster.name_of(world.post.id()) == "POST 1");
  CHECK(roster.may_write(world.truck.id()));
}
