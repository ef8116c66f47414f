// Somebody who was granted, with its keys in the hands of a program that says what ours never would, at one of two real
// nodes: whatever it is, both come to the same verdict by the bytes alone, name it, and go on.
#include <doctest/doctest.h>

#include <algorithm>
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

// Two nodes with a bad datagram link between them, and the folder of a third whose node is stopped.
struct Stage {
  Crew crew{3};
  BadLink link;
  TestNode& a = crew[0];
  TestNode& b = crew[1];

  Stage() : link(nature(), 2) {
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
  Stage stage;
  auto& a = stage.a;
  auto& b = stage.b;
  Insider insider(stage.crew[2].dir(), 77);

  // Forged and wrongly sealed: rejected before the log, and named.
  const auto before = a.events();
  {
    auto run = insider.make(message_draft("wrongly sealed"));
    run.seal.signature.value[3] ^= 1;
    CHECK(stage.say_until(a, insider, stage.bytes_of(run), [&] { return stage.says_now(a, "bad seal"); }));
    CHECK(stage.says_now(a, "TEAM 3 sent what is not taken"));
    CHECK(a.events() == before);
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
  }

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
