// Somebody who was granted, with its keys in the hands of a program that says what ours never would, at one of two real
// nodes: whatever it is, both come to the same verdict by the bytes alone, name it, and go on.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include "sync/limits.hpp"
#include "test_insider.hpp"
#include "test_links.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;
using model::Class;

namespace {

constexpr Milliseconds ten_years{std::int64_t{10} * 365 * 24 * 3'600 * 1'000};

// Two nodes with a bad datagram link between them, and the folders of others whose nodes are stopped: the insider's,
// and those that come later.
struct Stage {
  Crew crew;
  BadLink link;
  TestNode& a = crew[0];
  TestNode& b = crew[1];

  explicit Stage(std::size_t nodes = 3) : crew(nodes), link(nature(), 2) {
    for (std::size_t i = 0; i < 2; ++i) crew.start(i, link.bearer(i, "rate=1M&delay=20ms"));
    REQUIRE(agree(a, b));
  }
  static linkemu::LinkNature nature() {
    linkemu::LinkNature out;
    out.rate_bps = 1'000'000;
    out.loss = 0.02;
    return out;
  }
  static bool says_now(const TestNode& node, std::string_view words) {
    return json::serialize(node.status().at("problems")).find(words) != std::string::npos;
  }
  static bool says(const TestNode& node, std::string_view words) {
    return eventually([&] { return says_now(node, words); });
  }
  static std::optional<json::object> find_row(const TestNode& node, const model::SealedRun& run) {
    for (auto& row : node.journal()) {
      if (row.at("dot") == json::value(model::to_text(run.entries.at(0).dot()))) return std::move(row);
    }
    return std::nullopt;
  }
  // What this node says of what was refused of the insider; empty when nothing was.
  static std::string misdeeds(const TestNode& node) {
    const auto status = node.status();
    for (const auto& problem : status.at("problems").as_array()) {
      if (problem.as_string().starts_with("TEAM 3 sent what is not taken")) return std::string(problem.as_string());
    }
    return {};
  }
  // The row of the journal on this node, once it is there.
  static json::object row_of(const TestNode& node, const model::SealedRun& run) {
    std::optional<json::object> row;
    CHECK(eventually([&] { return (row = find_row(node, run)).has_value(); }));
    return row.value_or(json::object{});
  }
  // Of several links of one node that are open at once a node keeps one; so what is said goes again over a new one
  // until it has been heard.
  template <class Heard>
  static bool say_until(const TestNode& node, const Insider& insider, const Bytes& bytes, Heard heard) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      Link link(node, insider);
      link.client.send(as_text(bytes));
      for (int i = 0; i < 100; ++i) {
        if (heard()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(25));
      }
    }
    return false;
  }
  static Bytes bytes_of(const model::SealedRun& run) {
    return sync::encode(sync::Run{run.seal.stream, run.entries, run.seal});
  }
  static bool tell(const TestNode& node, const Insider& insider, const model::SealedRun& run) {
    return say_until(node, insider, bytes_of(run), [&] { return find_row(node, run).has_value(); });
  }
  // What others write arrives, and both hold the same.
  void all_goes_on() {
    crew.write(0, "after that, at a");
    crew.write(1, "after that, at b");
    CHECK(eventually([&] { return crew.holds_all(0) && crew.holds_all(1); }));
    CHECK(agree(a, b));
  }
};

}  // namespace

TEST_CASE("whatever a granted node sends, two real nodes judge it alike, name it and go on") {
  Stage stage(4);
  auto& a = stage.a;
  auto& b = stage.b;
  Insider insider(stage.crew[2].dir(), 77);

  // Forged and wrongly sealed, each told to both nodes: rejected before the log, and named with the same words and
  // counts. Who links with them later hears nothing of it.
  {
    const auto events = a.events();
    const auto hash = a.state_hash();
    const Insider neighbour(stage.crew[1].dir(), 77);
    auto forged = insider.make(message_draft("sealed by another"));
    const auto& seal = forged.seal;
    forged.seal = trust::make_seal(neighbour.home.node_key, insider.home.incident, seal.stream, seal.seq, seal.head);
    auto exchanged = Insider(stage.crew[2].dir(), 76).make(message_draft("what was sealed"));
    exchanged.entries = Insider(stage.crew[2].dir(), 76).make(message_draft("what was not")).entries;
    auto flipped = Insider(stage.crew[2].dir(), 75).make(message_draft("a flipped seal"));
    flipped.seal.signature.value[3] ^= 1;
    const std::array<std::pair<const model::SealedRun*, std::string_view>, 3> kinds{
        {{&forged, "bad seal"}, {&exchanged, "wrong chain"}, {&flipped, "bad seal"}}};

    const Link to_a(a, insider), to_b(b, insider);
    std::size_t told = 0;
    for (const auto& [run, reason] : kinds) {
      const auto counted = fmt::format("TEAM 3 sent what is not taken, {} lately; the last was ",
                                       ++told == 1 ? std::string("once") : fmt::format("{} times", told));
      for (const auto* to : {&to_a, &to_b}) to->client.send(as_text(stage.bytes_of(*run)));
      for (auto* node : {&a, &b}) CHECK_MESSAGE(stage.says(*node, counted), stage.misdeeds(*node));
      CHECK(stage.misdeeds(a).find(reason) != std::string::npos);
      CHECK(stage.misdeeds(a) == stage.misdeeds(b));
      for (auto* node : {&a, &b}) {
        CHECK(node->events() == events);
        CHECK(node->state_hash() == hash);
        CHECK_FALSE(stage.find_row(*node, *run));
      }
    }
    stage.crew.start(3, {"--peer", a.peers(), "--peer", b.peers()});
    auto& later = stage.crew[3];
    CHECK(agree(a, later));
    CHECK(agree(b, later));
    CHECK(later.events() == events);
    CHECK(stage.misdeeds(later).empty());
    for (const auto& [run, reason] : kinds) CHECK_FALSE(stage.find_row(later, *run));
    CHECK(later.stop() == 0);
  }
  stage.all_goes_on();

  // Validly sealed and no event at all: kept, passed on, not folded, and listed on both with the same words.
  Insider second(stage.crew[2].dir(), 78);
  {
    const auto run = second.seal(Class::Important, 300, 0xFF);
    CHECK(stage.tell(a, second, run));
    const auto here = stage.row_of(a, run), there = stage.row_of(b, run);
    REQUIRE(here.contains("why_not"));
    CHECK_FALSE(here.at("folded").as_bool());
    CHECK(here.at("why_not") == there.at("why_not"));
  }
  stage.all_goes_on();

  // A clock ten years ahead: folded, named on both, and nobody's own clock follows it.
  Insider third(stage.crew[2].dir(), 79);
  {
    const auto run = third.make(message_draft("from the future"), ten_years);
    CHECK(stage.tell(a, third, run));
    CHECK(stage.row_of(b, run).at("folded").as_bool());
    for (auto* node : {&a, &b}) {
      CHECK(stage.says(*node, "is ahead of this node's by about"));
      const auto id = node->create("site", site("now"));
      stage.crew.acknowledged.insert(id);
      const auto now = ms_of(SystemClock().now().utc);
      for (const auto& row : node->journal("&record=site")) {
        if (row.at("entity") == json::value(id))
          CHECK(row.at("stamp").at("at_ms").to_number<std::int64_t>() < now + 10 * 60'000);
      }
    }
  }
  stage.all_goes_on();

  // The same number with two contents, one told to each while they are apart: both become branches on both.
  {
    Insider one(stage.crew[2].dir(), 80), other(stage.crew[2].dir(), 80);
    stage.link.set_down(true);
    CHECK(stage.tell(a, one, one.make(message_draft("one thing"))));
    CHECK(stage.tell(b, other, other.make(message_draft("another thing"))));
    stage.link.set_down(false);
    for (auto* node : {&a, &b}) CHECK(stage.says(*node, "have two contents"));
  }
  stage.all_goes_on();

  // An author that floods class 0: all of it is kept, and both say who it is.
  {
    Insider flooder(stage.crew[2].dir(), 81);
    model::Draft draft;
    draft.record = static_cast<std::uint16_t>(model::RecordKind::Casualty);
    const auto* const triage = model::find_field(draft.record, "triage");
    draft.writes = {{triage->key(), model::Value(std::int64_t{model::find_code(*triage, "red")->code}), {}}};
    Bytes all;
    model::SealedRun last;
    for (int i = 0; i < 200; ++i) {
      last = flooder.make(draft);
      const auto frame = stage.bytes_of(last);
      all.insert(all.end(), frame.begin(), frame.end());
    }
    REQUIRE(last.seal.stream.cls == Class::Urgent);
    CHECK(stage.say_until(a, flooder, all, [&] { return stage.find_row(a, last).has_value(); }));
    for (auto* node : {&a, &b}) CHECK(stage.says(*node, "urgent events within 10 minutes"));
    stage.row_of(b, last);
  }
  stage.all_goes_on();
  const auto status = run({"status", "--dir", a.dir().string()});
  CHECK(status.out.find("TEAM 3 sent what is not taken") != std::string::npos);
}

TEST_CASE("records of 10 MB, lies, cut frames and garbage at full rate harm neither the node they go to nor the next") {
  Stage stage;
  auto& a = stage.a;
  auto& b = stage.b;
  Insider insider(stage.crew[2].dir(), 90);
  std::mt19937 random(20261122);
  const auto before = a.events();

  // A record of 10 MB, by the page's way and by a neighbour's.
  const std::string long_text(10'000'000, 'x');
  const auto refused = a.command(command_of("journal", {write_of("text", long_text)}));
  CHECK(refused.status == 413);
  {
    model::Entry entry;
    entry.stream = {{insider.home.node_key.id(), 90}, Class::Routine, {}};
    entry.seq = 1;
    entry.public_part = to_bytes(as_bytes(long_text));
    CHECK(stage.say_until(a, insider, sync::encode(sync::Run{entry.stream, {entry}, std::nullopt}),
                          [&] { return stage.says_now(a, "more than"); }));
  }

  // Claims to hold more of everybody's than there is, also of the node's own: no new incarnation, nobody waits.
  {
    Link link(a, insider);
    const auto own = model::KeyId::from_hex(a.status().at("node").at("id").as_string());
    REQUIRE(own);
    std::vector<sync::VectorItem> items;
    for (std::uint32_t incarnation = 0; incarnation < 1'000; ++incarnation)
      items.push_back({{{*own, incarnation}, Class::Urgent, {}}, UINT64_MAX, sync::Head4{1, 2, 3, 4}});
    link.say(sync::Ack{items});
    link.say(sync::VectorMessage{{}, items});
    stage.all_goes_on();
    // Whose words they are is said, of whose events and of how many; the stream of the node's own is the furthest out.
    const auto doubt = fmt::format(
        "TEAM 3 says it holds {} events of POST 1 (urgent) (and of 999 streams more): more than there can be; it is "
        "not "
        "believed",
        UINT64_MAX);
    CHECK_MESSAGE(stage.says(a, doubt), json::serialize(a.status().at("problems")));
    const auto status = run({"status", "--dir", a.dir().string()});
    CHECK_MESSAGE(status.out.find("PROBLEM    " + doubt + "\n") != std::string::npos, status.out);
    CHECK_FALSE(stage.says_now(b, "TEAM 3 says it holds"));
  }
  // With who said so it goes.
  CHECK(eventually([&] { return !stage.says_now(a, "TEAM 3 says it holds"); }));

  // Frames cut short, flipped, and noise, as fast as they go; each ends its own link and no other.
  for (int i = 0; i < 60; ++i) {
    Link link(a, insider);
    auto frame = sync::encode(sync::Ping{7, {}});
    switch (i % 3) {
      case 0:
        frame.resize(frame.size() - 1 - random() % (frame.size() - 1));
        break;
      case 1:
        frame[random() % frame.size()] ^= static_cast<std::uint8_t>(1U << random() % 8);
        break;
      default:
        frame.resize(256 * 1'024);
        std::ranges::generate(frame, [&] { return static_cast<std::uint8_t>(random()); });
    }
    link.client.send(as_text(frame));
  }
  // And well formed messages that say nothing good, without end: closed after so many.
  const auto bad = sync::encode(sync::Keys{{model::PublicKey{}}});
  Bytes many;
  for (int i = 0; i < 2'000; ++i) many.insert(many.end(), bad.begin(), bad.end());
  CHECK(stage.say_until(a, insider, many, [&] { return stage.says_now(a, "no usable"); }));
  CHECK(a.events() <= before + 8);
  stage.all_goes_on();
  // What never ended its greeting, or was closed, is not kept.
  CHECK(eventually([&] { return a.status().at("peers").as_array().size() <= 2; }));
}
