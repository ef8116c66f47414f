#include "sync/last_values.hpp"

#include <doctest/doctest.h>

#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {
model::Observation heard(std::string_view icao, std::int64_t ms, std::uint8_t gateway = 1) {
  model::Observation out;
  out.subject = model::external_name("icao", icao);
  out.kind = model::SubjectKind::Aircraft;
  out.via = model::Via::Adsb;
  out.source = "test";
  out.gateway = key_of(gateway).id();
  out.measured = at_ms(ms).utc;
  return out;
}
Said plain(std::string_view text) { return {to_bytes(as_bytes(text)), false, false}; }
ObservationKey numbered(std::uint32_t i) {
  ObservationKey key;
  std::memcpy(key.value.data(), &i, sizeof i);
  return key;
}
}  // namespace

TEST_CASE("last values reach everybody once, also round a ring") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& c = net.add(3);
  net.join(a, b);
  net.join(b, c);
  net.join(c, a);
  net.settle();
  for (int i = 0; i < 20; ++i) {
    a.core.last_value(heard("4d2023", i * 1000), at_ms(i * 1000));
    net.settle();
  }
  CHECK(all<LastValue>(b).size() == 20);
  CHECK(all<LastValue>(c).size() == 20);
  CHECK(all<LastValue>(a).empty());
  CHECK(all<LastValue>(c).back().observation.measured == at_ms(19'000).utc);
}

TEST_CASE("only the newest waits for a slow peer, and a newcomer is told what is known") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  a.core.last_value(heard("aaaaaa", 0), net.now());
  net.join(a, b);
  net.settle();
  CHECK(all<LastValue>(b).size() == 1);
  LinkProfile slow;
  slow.burst_bytes = 1;
  auto& c = net.add(3);
  net.join(a, c, slow);
  net.settle();
  c.seen.clear();
  for (int i = 1; i <= 1000; ++i) a.core.last_value(heard("bbbbbb", i), net.now());
  CHECK(a.core.peers().at(1).observations_waiting <= 1);
  net.settle();
  CHECK(all<LastValue>(c).size() <= 2);
  CHECK(all<LastValue>(c).back().observation.measured == at_ms(1000).utc);
}

TEST_CASE("last values take a quarter of a burst while events wait") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  for (int i = 0; i < 500; ++i) a.write(Class::Important, 1000);
  for (int i = 0; i < 4000; ++i) a.core.last_value(heard(std::to_string(i), 1), net.now());
  auto& cable = net.join(a, b);
  net.settle();
  std::size_t values = 0, events = 0, events_left = 0;
  for (const auto& [from_a, send] : cable.log) events_left += from_a && send.cls ? send.bytes.size() : 0;
  for (const auto& [from_a, send] : cable.log) {
    if (!from_a || events == events_left) continue;
    if (send.cls) events += send.bytes.size();
    if (send.bytes[4] == static_cast<std::uint8_t>(MessageType::LastValues)) values += send.bytes.size();
  }
  const auto share = static_cast<double>(values) / static_cast<double>(values + events);
  MESSAGE("share of last values: " << share);
  CHECK(share > 0.15);
  CHECK(share < 0.30);
}

TEST_CASE("a stamp from the far future does not hold the place against better ones") {
  LastValueTable table;
  const ObservationKey key{};
  const auto now = at_ms(0).utc;
  CHECK(table.offer(key, {now}, plain("a"), now));
  CHECK_FALSE(table.offer(key, {now}, plain("same age"), now));
  CHECK(table.offer(key, {now, Milliseconds(20)}, plain("said later of the same position"), now));
  CHECK_FALSE(table.offer(key, {now, Milliseconds(10)}, plain("late"), now));
  CHECK_FALSE(table.offer(key, {utc_from_ms(4'000'000'000'000)}, plain("year 2096"), now));
  LastValueTable other;
  CHECK(other.offer(key, {utc_from_ms(4'000'000'000'000)}, plain("year 2096"), now));
  CHECK(other.offer(key, {now}, plain("good"), now));
  CHECK_FALSE(other.offer(key, {utc_from_ms(4'000'000'000'001)}, plain("year 2096"), now));
}

TEST_CASE("the queue of a peer that never reads is bounded") {
  ObservationQueue queue;
  const auto bytes = std::make_shared<const Said>(plain("x"));
  for (std::uint32_t i = 0; i < observation_queue_max + 5; ++i) queue.put(numbered(i), bytes);
  CHECK(queue.size() == observation_queue_max);
  CHECK(queue.dropped() == 5);
  const auto large = std::make_shared<const Said>(Said{Bytes(60'000, 1), false, true});
  const auto help = std::make_shared<const Said>(Said{Bytes(300, 1), true, false});
  queue.put(numbered(0), help);
  for (std::uint32_t i = 0; i < 1000; ++i) queue.put(numbered(1'000'000 + i), large);
  CHECK(queue.bytes() <= observation_queue_bytes_max);
  CHECK(queue.take() == help);
}

TEST_CASE("last values with long documents are bounded in bytes, and a call for help stays") {
  LastValueTable table;
  auto help = heard("help", 0);
  help.emergency = "general";
  help.document = Bytes(50'000, 1);
  const auto now = at_ms(0).utc;
  table.offer(sync::key_of(help), {now}, said(help, model::encode(help)), now);
  for (std::uint32_t i = 0; i < 3'000; ++i) {
    auto one = heard(std::to_string(i), i);
    one.document = Bytes(model::observation_document_max, 2);
    table.offer(sync::key_of(one), age_of(one), said(one, model::encode(one)), now);
    REQUIRE(table.bytes() <= observations_known_bytes_max);
  }
  // The documents went, not the positions.
  CHECK(table.size() == 3'001);
  for (std::uint32_t i = 0; i < observations_known_max + 10; ++i) {
    table.offer(numbered(i), {now}, Said{Bytes(600, 1), false, false}, now);
  }
  CHECK(table.size() <= observations_known_max);
  CHECK(table.bytes() <= observations_known_bytes_max);
  bool there = false;
  table.for_each([&](const ObservationKey& key, const SharedSaid&) { there = there || key == sync::key_of(help); });
  CHECK(there);
}

TEST_CASE("what a newer version says of a subject is passed on byte for byte") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& c = net.add(3);
  auto& ab = net.join(a, b);
  auto& bc = net.join(b, c);
  net.settle();
  // A kind of subject and a key that this version does not know.
  auto one = heard("4d2023", 0);
  one.kind = static_cast<model::SubjectKind>(200);
  auto bytes = model::encode(one);
  REQUIRE((bytes[0] & 0xF0) == 0xA0);  // a short map: one more key
  ++bytes[0];
  for (const int byte : {0x18, 0x3C, 0x63, 0x6E, 0x65, 0x77})
    bytes.push_back(static_cast<std::uint8_t>(byte));  // 60: "new"
  REQUIRE(model::decode_observation(bytes));
  b.core.receive(ab.b.peer, encode(LastValues{{bytes}}), net.now());
  net.settle();
  REQUIRE(all<LastValue>(c).size() == 1);
  bool carried = false;
  for (const auto& [from_b, send] : bc.log) {
    if (!from_b || send.bytes[4] != static_cast<std::uint8_t>(MessageType::LastValues)) continue;
    const auto message = decode(send.bytes[4], ByteView(send.bytes).subspan(5, send.bytes.size() - 9));
    carried = carried || std::get<LastValues>(std::get<Message>(*message)).observations == std::vector<Bytes>{bytes};
  }
  CHECK(carried);
}

TEST_CASE("of what waits, emergencies go first, then what moves, then what stands still") {
  ObservationQueue queue;
  queue.put(numbered(1), std::make_shared<const Said>(plain("still")), ValueRank::Still);
  queue.put(numbered(2), std::make_shared<const Said>(plain("moving")), ValueRank::Moving);
  auto distress = plain("distress");
  distress.emergency = true;
  queue.put(numbered(3), std::make_shared<const Said>(distress), ValueRank::Still);
  queue.put(numbered(4), std::make_shared<const Said>(plain("begins to move")), ValueRank::Still);
  queue.put(numbered(4), std::make_shared<const Said>(plain("begins to move")), ValueRank::Moving);
  std::vector<ObservationKey> order;
  while (!queue.empty()) {
    order.push_back(queue.next_key());
    queue.take();
  }
  CHECK(order == std::vector{numbered(3), numbered(2), numbered(4), numbered(1)});
  CHECK(queue.bytes() == 0);
  // Much that moves does not keep the rest waiting for ever.
  for (std::uint32_t i = 10; i < 20; ++i) queue.put(numbered(i), std::make_shared<const Said>(plain("moving")));
  queue.put(numbered(1), std::make_shared<const Said>(plain("still")), ValueRank::Still);
  int place = 0;
  while (queue.next_key() != numbered(1)) {
    queue.take();
    ++place;
  }
  CHECK(place <= moving_in_a_row_max);
}
