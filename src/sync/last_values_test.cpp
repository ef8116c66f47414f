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
  CHECK(table.offer(key, {now}, as_bytes("a"), now));
  CHECK_FALSE(table.offer(key, {now}, as_bytes("same age"), now));
  CHECK(table.offer(key, {now, Milliseconds(20)}, as_bytes("said later of the same position"), now));
  CHECK_FALSE(table.offer(key, {now, Milliseconds(10)}, as_bytes("late"), now));
  CHECK_FALSE(table.offer(key, {utc_from_ms(4'000'000'000'000)}, as_bytes("year 2096"), now));
  LastValueTable other;
  CHECK(other.offer(key, {utc_from_ms(4'000'000'000'000)}, as_bytes("year 2096"), now));
  CHECK(other.offer(key, {now}, as_bytes("good"), now));
  CHECK_FALSE(other.offer(key, {utc_from_ms(4'000'000'000'001)}, as_bytes("year 2096"), now));
}

TEST_CASE("the queue of a peer that never reads is bounded") {
  ObservationQueue queue;
  const auto bytes = std::make_shared<const Bytes>(Bytes{1});
  for (std::uint32_t i = 0; i < observation_queue_max + 5; ++i) {
    ObservationKey key;
    std::memcpy(key.value.data(), &i, sizeof i);
    queue.put(key, bytes);
  }
  CHECK(queue.size() == observation_queue_max);
  CHECK(queue.dropped() == 5);
}

TEST_CASE("large observations are bounded in bytes, known and waiting") {
  LastValueTable table;
  ObservationQueue queue;
  const Bytes large(observation_bytes_max);
  const auto now = at_ms(0).utc;
  for (std::uint32_t i = 0; i < 2 * observations_known_bytes_max / observation_bytes_max; ++i) {
    ObservationKey key;
    std::memcpy(key.value.data(), &i, sizeof i);
    queue.put(key, table.offer(key, {now}, large, now));
  }
  CHECK(table.bytes() <= observations_known_bytes_max);
  CHECK(table.all().size() == observations_known_bytes_max / observation_bytes_max);
  CHECK(queue.size() == observation_queue_bytes_max / observation_bytes_max);
  CHECK(queue.dropped() > 0);
}
