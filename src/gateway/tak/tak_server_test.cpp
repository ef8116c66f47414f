#include "gateway/tak/tak_server.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <fstream>
#include <iterator>

#include "base/log.hpp"
#include "codec/cot/writer.hpp"
#include "net/test_peer.hpp"

using namespace airbridge;
using namespace airbridge::gateway::tak;
using net::testing::run_until;
using net::testing::TestPeer;
namespace cot = codec::cot;

namespace {

std::string sample(const std::string& name) {
  std::ifstream in(std::string(AIRBRIDGE_TEST_DATA) + "/cot/" + name, std::ios::binary);
  std::string out{std::istreambuf_iterator<char>(in), {}};
  REQUIRE_FALSE(out.empty());
  while (out.back() == '\n') out.pop_back();
  return out;
}

// A server and what the node would hear, on the test's own loop.
struct World {
  explicit World(const TakLimits& limits = {})
      : server(loop, clock, {.at = {"127.0.0.1", 0}, .limits = limits}, output()) {
    log::configure(log::Level::Off, log::Format::Text);
    REQUIRE(server.start());
  }
  TakOutput output() {
    return {.on_observations =
                [this](std::vector<model::Observation>&& batch) {
                  for (auto& one : batch) observations.push_back(std::move(one));
                },
            .on_reports =
                [this](const std::vector<TakReport>& batch) {
                  if (!takes_reports) return false;
                  for (const auto& one : batch) reports.push_back(one);
                  return true;
                }};
  }
  TestPeer join(int receive_buffer = 0) {
    const auto before = server.status().clients;
    TestPeer peer(loop, server.port(), receive_buffer);
    REQUIRE(run_until(loop, [&] { return server.status().clients == before + 1; }));
    return peer;
  }
  // A client that has said who it is.
  TestPeer join(const std::string& uid, const std::string& callsign) {
    auto peer = join();
    peer.send(position(uid, callsign));
    REQUIRE(run_until(loop, [&] { return heard(uid); }));
    return peer;
  }
  bool heard(const std::string& uid) {
    return std::any_of(observations.begin(), observations.end(),
                       [&](const auto& o) { return o.subject == entity_of(uid); });
  }
  bool settle(const std::function<bool()>& done) { return run_until(loop, done); }

  static std::string position(const std::string& uid, const std::string& callsign, double latitude = 46.5) {
    cot::PositionReport report{.basics = {.uid = uid,
                                          .type = "a-f-G-U-C",
                                          .how = "m-g",
                                          .time = SystemClock().now().utc,
                                          .stale = SystemClock().now().utc + std::chrono::minutes(5),
                                          .position = *Position::from_degrees(latitude, 7.9)},
                               .callsign = callsign,
                               .team = "Cyan",
                               .role = "Medic",
                               .track = {},
                               .battery_percent = {},
                               .remarks = {}};
    return std::string(as_text(cot::write_position(report)));
  }
  static std::string marker(const std::string& uid, const std::string& detail) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<event version=\"2.0\" uid=\"" + uid +
           "\" type=\"b-m-p-s-m\" time=\"2026-03-14T09:30:00Z\" start=\"2026-03-14T09:30:00Z\" "
           "stale=\"2026-03-14T19:30:00Z\" "
           "how=\"h-g-i-g-o\"><point lat=\"46.5\" lon=\"7.9\" hae=\"1\" ce=\"1\" le=\"1\"/><detail>" +
           detail + "</detail></event>";
  }

  SystemClock clock;
  net::EventLoop loop;
  std::vector<model::Observation> observations;
  std::vector<TakReport> reports;
  bool takes_reports = true;
  TakServer server;
};

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }
std::size_t count(const std::string& text, std::string_view part) {
  std::size_t out = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++out;
  return out;
}
bool waits_for(TestPeer& peer, std::string_view part) {
  return peer.wait_for([part](const std::string& got) { return has(got, part); });
}

}  // namespace

TEST_CASE("a ping is answered with a pong, to the asker only") {
  World world;
  auto a = world.join();
  auto b = world.join();
  REQUIRE(a.send(sample("ping.xml")));
  CHECK(waits_for(a, "type=\"t-x-c-t-r\""));
  CHECK(has(a.received(), "uid=\"takPong\""));
  REQUIRE(b.send(sample("ping.xml")));
  REQUIRE(waits_for(b, "t-x-c-t-r"));
  CHECK(count(b.received(), "</event>") == 1);
  CHECK(world.server.status().counters.pings == 2);
}

TEST_CASE("an event goes to all others byte for byte and not back to its sender") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto b = world.join("B", "BRAVO");
  auto c = world.join();
  const auto marker = sample("marker_unknown_and_repeated_details.xml");
  REQUIRE(a.send(marker));
  CHECK(waits_for(b, marker));
  CHECK(waits_for(c, marker));
  REQUIRE(b.send(sample("chat_all.xml")));
  REQUIRE(waits_for(a, "All Chat Rooms"));
  CHECK_FALSE(has(a.received(), "6d2a-marker"));
  REQUIRE(world.settle([&] { return world.reports.size() == 2; }));
  CHECK(world.reports[0].uid == "6d2a-marker");
  CHECK(world.reports[0].drafts.at(0).source == "A");
  CHECK(world.reports[1].category == cot::Category::Chat);
}

TEST_CASE("an addressed event reaches only its call sign or uid, without the address") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto heli = world.join("HELI-7", "HELI 7");
  auto c = world.join("C", "CHARLIE");
  REQUIRE(a.send(sample("chat_direct_by_callsign.xml")));
  REQUIRE(waits_for(heli, "two to winch"));
  CHECK_FALSE(has(heli.received(), "marti"));
  auto by_uid = sample("chat_direct_by_callsign.xml");
  by_uid.replace(by_uid.find("callsign=\"HELI 7\""), 17, "uid=\"HELI-7\"");
  by_uid.replace(by_uid.find("two to winch"), 12, "three to winch");
  REQUIRE(a.send(by_uid));
  CHECK(waits_for(heli, "three to winch"));
  auto nobody = sample("chat_direct_by_callsign.xml");
  nobody.replace(nobody.find("callsign=\"HELI 7\""), 17, "callsign=\"NOBODY\"");
  REQUIRE(a.send(nobody + World::marker("M-1", "")));
  REQUIRE(waits_for(c, "M-1"));
  CHECK_FALSE(has(c.received(), "winch"));
  CHECK_FALSE(has(a.received(), "winch"));
  CHECK(world.server.status().counters.undeliverable == 1);
  // The node keeps the address, so that another node can route it.
  REQUIRE(world.settle([&] { return world.reports.size() == 4; }));
  bool has_address = false;
  for (const auto& write : world.reports[0].drafts.at(0).writes) {
    if (write.value.bytes() != nullptr) has_address = has(std::string(as_text(*write.value.bytes())), "<marti>");
  }
  CHECK(has_address);
}

TEST_CASE("who joins late gets the latest of everything kept, and nothing that was private or removed") {
  World world;
  auto a = world.join("A", "ALPHA");
  REQUIRE(a.send(World::position("A", "ALPHA", 46.7)));
  REQUIRE(a.send(World::marker("M-1", "<contact callsign=\"old\"/>") +
                 World::marker("M-1", "<contact callsign=\"new\"/>")));
  REQUIRE(a.send(World::marker("M-2", "")));
  REQUIRE(a.send(
      std::string(as_text(cot::write_delete("M-2", "b-m-p-s-m", cot::Deletion::Forced, world.clock.now().utc)))));
  REQUIRE(a.send(World::marker("M-3", "<marti><dest uid=\"nobody\"/></marti>") + sample("chat_all.xml")));
  REQUIRE(world.settle([&] { return world.server.status().counters.received == 8; }));
  auto late = world.join();
  REQUIRE(waits_for(late, "46.7"));
  REQUIRE(waits_for(late, "callsign=\"new\""));
  late.send(sample("ping.xml"));
  REQUIRE(waits_for(late, "t-x-c-t-r"));
  CHECK(count(late.received(), "</event>") == 3);
  CHECK_FALSE(has(late.received(), "callsign=\"old\""));
  CHECK_FALSE(has(late.received(), "M-2"));
  CHECK_FALSE(has(late.received(), "M-3"));
  // The delete of an object is told to the node as a deletion.
  CHECK(world.reports.at(3).category == cot::Category::Delete);
  CHECK(world.reports.at(3).drafts.at(0).entity == entity_of("M-2"));
}

TEST_CASE("types that are not carried are refused, counted by reason, and the next event is unharmed") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto b = world.join("B", "BRAVO");
  const auto good = World::marker("M-1", "");
  REQUIRE(a.send(sample("refuse/affiliation_hostile.xml") + sample("refuse/affiliation_suspect.xml") +
                 World::marker("M-0", "<fires/>") + good));
  REQUIRE(waits_for(b, good));
  CHECK_FALSE(has(b.received(), "a-h-G"));
  CHECK_FALSE(has(b.received(), "a-s-A"));
  CHECK_FALSE(has(b.received(), "fires"));
  const auto counters = world.server.status().counters;
  CHECK(counters.not_carried[static_cast<std::size_t>(cot::NotCarried::Hostile)] == 1);
  CHECK(counters.not_carried[static_cast<std::size_t>(cot::NotCarried::Suspect)] == 1);
  CHECK(counters.not_carried[static_cast<std::size_t>(cot::NotCarried::Fires)] == 1);
  CHECK(counters.not_carried_total() == 3);
  CHECK(counters.malformed == 0);
  CHECK(world.reports.size() == 1);
}

TEST_CASE("a hostile type written irregularly is refused and counted, and reaches nobody") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto b = world.join("B", "BRAVO");
  const auto good = World::marker("M-1", "");
  const auto hostile = sample("refuse/affiliation_hostile.xml");
  std::string all;
  for (const std::string_view type : {" a-h-G", "\ta-h-G", "a - h", "a--h-G", "a-hh-G", "a-x-G"}) {
    auto event = hostile;
    all += event.replace(event.find("a-h-G"), 5, type);
  }
  REQUIRE(a.send(all + good));
  REQUIRE(waits_for(b, good));
  CHECK_FALSE(has(b.received(), "h-1"));
  const auto counters = world.server.status().counters;
  CHECK(counters.malformed == 4);
  CHECK(counters.bad_type == 4);
  CHECK(counters.not_carried[static_cast<std::size_t>(cot::NotCarried::Hostile)] == 1);
  CHECK(counters.not_carried[static_cast<std::size_t>(cot::NotCarried::UnknownAffiliation)] == 1);
  CHECK(world.reports.size() == 1);
}

TEST_CASE("military medevac fields stay behind, everything else arrives") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto b = world.join();
  auto medevac = sample("casualty_medevac.xml");
  const auto civil = medevac;
  medevac.insert(medevac.find(" urgent="), " security=\"3\" enemy=\"x\"");
  REQUIRE(a.send(medevac));
  CHECK(waits_for(b, civil));
  REQUIRE(world.settle([&] { return world.reports.size() == 1; }));
  REQUIRE(world.reports[0].drafts.size() == 2);
  CHECK(world.reports[0].drafts[1].entity == request_of("med-1"));
}

TEST_CASE("malformed, oversized and hostile input is counted and the connection goes on") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto b = world.join();
  const auto good = World::marker("M-1", "");
  REQUIRE(a.send(sample("refuse/latitude_91.xml") + sample("refuse/missing_stale.xml") + sample("refuse/doctype.xml") +
                 World::marker("M-0", "<remarks>" + std::string(100'000, 'x') + "</remarks>") +
                 sample("refuse/truncated.xml") + good));
  REQUIRE(waits_for(b, good));
  CHECK(world.server.status().counters.malformed == 5);
  CHECK_FALSE(has(b.received(), "xxxx"));
}

TEST_CASE("a client that sends only damage is closed after a named number of faults") {
  TakLimits limits;
  limits.faults_max = 10;
  World world(limits);
  auto a = world.join();
  std::string damage;
  for (int i = 0; i < 20; ++i) damage += "<event></event>";
  a.send(damage);
  CHECK(a.wait_for_end());
  CHECK(world.server.status().counters.malformed == 10);
}

TEST_CASE("half an event and then nothing harms nobody") {
  World world;
  auto b = world.join();
  {
    auto a = world.join("A", "ALPHA");
    REQUIRE(a.send(World::marker("M-1", "").substr(0, 120)));
  }
  CHECK(waits_for(b, "t-x-d-d"));
  CHECK_FALSE(has(b.received(), "M-1"));
  CHECK(world.server.status().clients == 1);
}

TEST_CASE("a leaver is announced to the others by its uid") {
  World world;
  auto b = world.join("B", "BRAVO");
  {
    auto a = world.join("A", "ALPHA");
    REQUIRE(waits_for(b, "ALPHA"));
  }
  REQUIRE(waits_for(b, "t-x-d-d"));
  CHECK(waits_for(b, "<link uid=\"A\" relation=\"p-p\" type=\"a-f-G-U-C\"/>"));
}

TEST_CASE("a second session of the same uid replaces the first and nobody is told it left") {
  World world;
  auto b = world.join("B", "BRAVO");
  auto first = world.join("A", "ALPHA");
  auto second = world.join();
  REQUIRE(second.send(World::position("A", "ALPHA", 46.8)));
  CHECK(first.wait_for_end());
  REQUIRE(waits_for(b, "46.8"));
  b.send(sample("ping.xml"));
  REQUIRE(waits_for(b, "t-x-c-t-r"));
  CHECK_FALSE(has(b.received(), "t-x-d-d"));
  CHECK(world.server.status().counters.replaced_sessions == 1);
  auto chat = sample("chat_direct_by_callsign.xml");
  chat.replace(chat.find("callsign=\"HELI 7\""), 17, "uid=\"A\"");
  REQUIRE(b.send(chat));
  CHECK(waits_for(second, "two to winch"));
}

TEST_CASE("a client that never reads is bounded, harms nobody, and gets the newest when it reads again") {
  TakLimits limits;
  limits.queue_bytes_max = 64 * 1024;
  limits.missed_max = 50;
  World world(limits);
  auto stalled = world.join(4096);
  REQUIRE(stalled.connected());
  auto a = world.join("A", "ALPHA");
  auto b = world.join();
  // Far more than the kernel's buffers and the queue hold, in fat events.
  const std::string fat(20'000, 'x');
  int sent = 0;
  while (world.server.status().counters.dropped < 200) {
    REQUIRE(++sent < 20'000);
    const auto uid = "M-" + std::to_string(sent % 100);
    REQUIRE(a.send(World::marker(uid, "<remarks>" + std::to_string(sent) + " " + fat + "</remarks>")));
    if (sent % 20 == 0) {
      REQUIRE(waits_for(b, "<remarks>" + std::to_string(sent) + " "));
      b.received().clear();
    }
  }
  REQUIRE(a.send(World::marker("LAST", "") + sample("alert.xml")));
  REQUIRE(waits_for(b, "911 Alert"));
  CHECK(world.server.status().counters.lost == 0);
  // Now it reads: the alert, and of every object the last version.
  REQUIRE(waits_for(stalled, "uid=\"LAST\""));
  for (int i = sent; i > sent - 100; --i) {
    CAPTURE(i);
    REQUIRE(waits_for(stalled, "<remarks>" + std::to_string(i) + " "));
  }
  CHECK(waits_for(stalled, "911 Alert"));
}

TEST_CASE("idle sockets of another process are bounded in number and closed after a named time") {
  TakLimits limits;
  limits.clients_max = 5;
  limits.idle_max = Milliseconds{2'000};  // long enough for the child to connect them all first
  World world(limits);
  const auto port = world.server.port();
  constexpr int sockets = 12;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {  // only system calls here: says how many of its sockets were closed on it
    int open[sockets];
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (auto& fd : open) {
      fd = ::socket(AF_INET, SOCK_STREAM, 0);
      if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) ::_exit(100);
    }
    int closed = 0;
    for (const int fd : open) {
      char byte = 0;
      if (::recv(fd, &byte, 1, 0) <= 0) ++closed;
    }
    ::_exit(closed);
  }
  int status = 0;
  std::size_t most = 0;
  REQUIRE(world.settle([&] {
    most = std::max(most, world.server.status().clients);
    return ::waitpid(child, &status, WNOHANG) == child;
  }));
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == sockets);
  CHECK(most == 5);
  CHECK(world.server.status().refused_connections == sockets - 5);
  CHECK(world.server.status().clients == 0);
}

TEST_CASE("an object heard again unchanged is relayed but reported once") {
  World world;
  auto a = world.join("A", "ALPHA");
  auto b = world.join();
  auto again = World::marker("M-1", "<contact callsign=\"hut\"/>");
  REQUIRE(a.send(again));
  again.replace(again.find("09:30:00Z"), 9, "09:31:00Z");
  REQUIRE(a.send(again));
  REQUIRE(waits_for(b, again));
  CHECK(world.reports.size() == 1);
  CHECK(world.server.status().counters.repeated == 1);
}

TEST_CASE("reports the node does not take are kept, and clients wait rather than anything be lost") {
  TakLimits limits;
  limits.reports_waiting_max = 10;
  World world(limits);
  auto a = world.join("A", "ALPHA");
  world.takes_reports = false;
  std::string many;
  for (int i = 0; i < 100; ++i) many += World::marker("M-" + std::to_string(i), "");
  REQUIRE(a.send(many));
  REQUIRE(world.settle([&] { return world.server.status().counters.received > 10; }));
  CHECK(world.reports.empty());
  world.takes_reports = true;
  REQUIRE(world.settle([&] { return world.reports.size() == 100; }));
  CHECK(world.reports.back().uid == "M-99");
}

TEST_CASE("what the node says goes to all clients and to joiners, and a removal goes by the uid clients know") {
  World world;
  auto a = world.join("A", "ALPHA");
  const auto say = [&](const std::string& xml) {
    world.server.broadcast(std::make_shared<const Bytes>(to_bytes(as_bytes(xml))));
  };
  const auto marker = World::marker("far-1", "<contact callsign=\"far\"/>");
  say(marker);
  CHECK(waits_for(a, marker));
  say(World::position("A", "IMPOSTOR"));  // A is connected here: its own word counts
  say(sample("refuse/affiliation_hostile.xml"));
  say("<event");
  auto late = world.join();
  CHECK(waits_for(late, "far-1"));
  world.server.remove(entity_of("far-1"), "unused");
  REQUIRE(waits_for(a, "<__forcedelete/>"));
  CHECK(has(a.received(), "<link uid=\"far-1\""));
  CHECK_FALSE(has(a.received(), "IMPOSTOR"));
  CHECK_FALSE(has(a.received(), "a-h-G"));
  CHECK(world.reports.empty());
  // Addressed: routed by its address.
  say(sample("chat_direct_by_callsign.xml"));
  auto heli = world.join("HELI-7", "HELI 7");
  say(sample("chat_direct_by_callsign.xml"));
  REQUIRE(waits_for(heli, "two to winch"));
  CHECK_FALSE(has(a.received(), "winch"));
}

TEST_CASE("what other threads tell the gateway is bounded by what its loop has not run yet") {
  TakLimits limits;
  limits.told_waiting_max = 3;
  World world(limits);
  auto a = world.join("A", "ALPHA");
  const auto say = [&](const std::string& uid) {
    return world.server.broadcast(std::make_shared<const Bytes>(to_bytes(as_bytes(World::marker(uid, "")))));
  };
  CHECK(say("N-1"));
  CHECK(world.server.remove(entity_of("N-0"), "N-0"));
  CHECK(say("N-2"));
  CHECK_FALSE(say("N-3"));
  CHECK_FALSE(world.server.remove(entity_of("N-1"), "N-1"));
  REQUIRE(waits_for(a, "N-2"));
  CHECK(say("N-4"));
  REQUIRE(waits_for(a, "N-4"));
  CHECK_FALSE(has(a.received(), "N-3"));
}

TEST_CASE("the state table drops the oldest at its limits and forgets what is stale") {
  StateTable table({.uids_max = 100, .bytes_max = 1U << 20});
  const auto entry = [](Retention retention, std::size_t size, int expires) {
    StateEntry out;
    out.xml = std::make_shared<const Bytes>(size);
    out.retention = retention;
    out.expires = SteadyTime(Milliseconds{expires});
    return out;
  };
  for (int i = 0; i < 20; ++i) table.put("object " + std::to_string(i), entry(Retention::Object, 10, 1000));
  for (int i = 0; i < 500; ++i) table.put("position " + std::to_string(i), entry(Retention::Position, 10, i));
  CHECK(table.size() == 100);
  CHECK(table.find("object 0") != nullptr);
  CHECK(table.find("position 0") == nullptr);
  table.expire(SteadyTime(Milliseconds{449}));
  CHECK(table.size() == 70);
  for (int i = 0; i < 20; ++i) table.put("big " + std::to_string(i), entry(Retention::Object, 100'000, 2000));
  CHECK(table.bytes() <= 1U << 20);
  std::string cursor;
  std::size_t seen = 0;
  for (auto at = table.after(cursor); at; at = table.after(cursor), ++seen) cursor = *at->uid;
  CHECK(seen == table.size());
}

TEST_CASE("a client with ever new uids or without pause is bounded, counted, and harms nobody") {
  TakLimits limits;
  limits.allowance.uids_max = 20;
  limits.allowance.burst = 200;
  limits.allowance.reserve = 50;
  limits.allowance.events_per_second = 0;
  World world(limits);
  auto flood = world.join();
  auto other = world.join();
  std::string many;
  for (int i = 0; i < 100; ++i) many += World::position("P-" + std::to_string(i), "P");
  REQUIRE(flood.send(many));
  REQUIRE(world.settle([&] { return world.server.status().counters.received == 100; }));
  CHECK(world.server.status().counters.too_many_uids == 80);
  CHECK(world.server.status().kept == 20);
  many.clear();
  for (int i = 0; i < 200; ++i) many += World::position("P-1", "P");
  REQUIRE(flood.send(many));
  REQUIRE(world.settle([&] { return world.server.status().counters.received == 300; }));
  CHECK(world.server.status().counters.too_fast == 70);
  // Who calls for help is heard even so, and others do not notice.
  REQUIRE(flood.send(sample("alert.xml")));
  REQUIRE(other.send(World::position("B", "BRAVO")));
  REQUIRE(world.settle([&] { return world.reports.size() == 1 && world.heard("B"); }));
}
