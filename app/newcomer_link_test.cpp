// A node that joins a long incident, as a process, over a link of the emulator that carries TCP like a LAN does.
#include <doctest/doctest.h>

#include "test_insider.hpp"
#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;

namespace {
constexpr std::uint64_t history_events = 20'000;
constexpr std::uint64_t told_at_once = 4'000;  // within what a node lets wait for its disk
}  // namespace

TEST_CASE("a newcomer to an incident of 20,000 events soon shows a picture, and comes to hold all of it") {
  Crew crew(2);
  auto& post = crew[0];
  crew.start(0, {});
  Insider writer(crew[1].dir(), 9);
  const auto before = post.events();
  {
    const Link link(post, writer);
    for (std::uint64_t told = 0; told < history_events; told += told_at_once) {
      Bytes frames;
      for (std::uint64_t i = 0; i < told_at_once; ++i) {
        const auto run = writer.make(message_draft(fmt::format("message {}", told + i)));
        const auto frame = sync::encode(sync::Run{run.seal.stream, run.entries, run.seal});
        frames.insert(frames.end(), frame.begin(), frame.end());
      }
      link.client.send(as_text(frames));
      REQUIRE(eventually([&] { return post.events() >= before + told + told_at_once; }));
    }
  }

  linkemu::LinkNature lan;
  lan.rate_bps = 100'000'000;
  lan.delay = std::chrono::milliseconds(1);
  BadLink link(lan, std::vector<std::string>{fmt::format("tcp:0,to={}", post.peers())});
  const auto port = link.port(0).substr(0, link.port(0).find(' '));
  join_node(post.dir(), crew.folder / "late", "LATE");
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const TestNode late(crew.folder / "late", {"--tak", "off", "--peer", "127.0.0.1:" + port});
  bool was_unverified = false;
  // Of the picture, or of its own log already: the newest of what was written long before it came.
  const auto shows_all = [&] {
    was_unverified = was_unverified || late.status().at("store").as_object().contains("unverified");
    const auto state = late.get("/api/v1/state");
    return state.status == 200 && state.body.at("entities").as_array().size() >= history_events;
  };
  CHECK(eventually(shows_all));
  const auto usable = seconds();
  CHECK(agree(post, late));
  const auto complete = seconds();
  CHECK(eventually([&] { return !late.status().at("store").as_object().contains("unverified"); }));
  CHECK(shows_all());
  CHECK(late.events() >= history_events);
  MESSAGE(fmt::format(
      "{} events: all records shown after {:.1f} s ({}), all events held and the same hash after {:.1f} s; {}",
      history_events, usable, was_unverified ? "first as another's picture" : "from its own log", complete,
      link.described()));
}
