// Somebody who was granted, with its keys in the hands of a program that says what ours never would, at one of two real
// nodes: whatever it is, both come to the same verdict by the bytes alone, name it, and go on.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "home.hpp"
#include "model/schema.hpp"
#include "sync/limits.hpp"
#include "sync/memory_log.hpp"
#include "sync/message.hpp"
#include "test_links.hpp"
#include "trust/author.hpp"

using namespace airbridge;
using namespace airbridge::app;
using namespace airbridge::app::test;
using model::Class;

namespace {

constexpr Milliseconds ten_years{std::int64_t{10} * 365 * 24 * 3'600 * 1'000};

model::Draft message_draft(std::string_view words) {
  const auto kind = model::RecordKind::Message;
  const auto field = [&](std::string_view text) {
    return model::find_field(static_cast<std::uint16_t>(kind), text)->key();
  };
  model::Draft draft;
  draft.record = static_cast<std::uint16_t>(kind);
  draft.via = model::Via::Web;
  draft.writes = {{field("text"), model::Value(std::string(words)), {}}};
  return draft;
}

// Writes with the keys of a node's folder, under an incarnation of its own.
struct Insider {
  Insider(const fs::path& dir, std::uint32_t incarnation)
      : home(*open_home(dir)),
        author(home.node_key, home.incident, incarnation, home.data_keys,
               [] { return FixedBytes<16, trust::SaltTag>{}; }),
        log(home.incident, {home.node_key.id(), incarnation}) {}
  // An event of our own making, as its author would send it.
  model::SealedRun make(const model::Draft& draft, Milliseconds ahead = Milliseconds(0)) {
    auto made = author.make(draft, SystemClock().now().utc + ahead, model::ClockQuality::Gnss);
    REQUIRE_MESSAGE(made, (made ? std::string() : made.error().faults.at(0).message));
    REQUIRE(made->size() == 1);
    return {{made->front().entry}, made->front().seal};
  }
  // Any bytes, sealed as they should be.
  model::SealedRun seal(Class cls, std::size_t size, std::uint8_t fill) {
    log.write(home.node_key, cls, size, fill);
    const model::StreamId stream{log.own_writer(), cls, {}};
    return log.runs_after(stream, log.vector().at(stream) - 1, 1).at(0);
  }
  Home home;
  trust::Author author;
  sync::MemoryLog log;
};

// A link to a node, of which the test writes every byte.
struct Link {
  Link(const TestNode& node, const Insider& insider) : client(node.peers()) {
    const auto& home = insider.home;
    say(sync::Hello{sync::protocol_version, home.incident, home.node_key.id(), "TEAM 3", 1, sync::Digest{1}, 0});
    say(sync::VectorMessage{});
    say(sync::Keys{{home.node_key.public_key()}});
  }
  void say(const sync::Message& message) { client.send(as_text(sync::encode(message))); }
  void say(const model::SealedRun& run) { say(sync::Run{run.seal.stream, run.entries, run.seal}); }
  TcpClient client;
};

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
  static bool says(const TestNode& node, std::string_view words) {
    return eventually([&] { return json::serialize(node.status().at("problems")).find(words) != std::string::npos; });
  }
  // The row of the journal on this node, once it is there.
  static json::object row_of(const TestNode& node, const model::Dot& dot) {
    json::object found;
    CHECK(eventually([&] {
      for (auto& row : node.journal()) {
        if (row.at("dot") == json::value(model::to_text(dot))) {
          found = std::move(row);
          return true;
        }
      }
      return false;
    }));
    return found;
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
    Link link(a, insider);
    auto run = insider.make(message_draft("wrongly sealed"));
    run.seal.signature.value[3] ^= 1;
    link.say(run);
    CHECK(stage.says(a, "TEAM 3 sent what is not taken"));
    CHECK(stage.says(a, "bad seal"));
    CHECK(a.events() == before);
  }
  stage.all_goes_on();

  // Validly sealed and no event at all: kept, passed on, not folded, and listed on both with the same words.
  Insider second(stage.crew[2].dir(), 78);
  {
    Link link(a, second);
    const auto run = second.seal(Class::Important, 300, 0xFF);
    link.say(run);
    const auto here = stage.row_of(a, run.entries.at(0).dot()), there = stage.row_of(b, run.entries.at(0).dot());
    REQUIRE(here.contains("why_not"));
    CHECK_FALSE(here.at("folded").as_bool());
    CHECK(here.at("why_not") == there.at("why_not"));
  }
  stage.all_goes_on();

  // A clock ten years ahead: folded, named on both, and nobody's own clock follows it.
  Insider third(stage.crew[2].dir(), 79);
  {
    Link link(a, third);
    const auto run = third.make(message_draft("from the future"), ten_years);
    link.say(run);
    CHECK(stage.row_of(b, run.entries.at(0).dot()).at("folded").as_bool());
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

  // The same number with two contents, one told to each: both become branches of one name on both.
  {
    Insider one(stage.crew[2].dir(), 80), other(stage.crew[2].dir(), 80);
    Link to_a(a, one), to_b(b, other);
    to_a.say(one.make(message_draft("one thing")));
    to_b.say(other.make(message_draft("another thing")));
    for (auto* node : {&a, &b}) CHECK(stage.says(*node, "have two contents"));
  }
  stage.all_goes_on();

  // An author that floods class 0: all of it is kept, and both say who it is.
  {
    Insider flooder(stage.crew[2].dir(), 81);
    Link link(a, flooder);
    model::Draft draft;
    draft.record = static_cast<std::uint16_t>(model::RecordKind::Casualty);
    const auto* const triage = model::find_field(draft.record, "triage");
    draft.writes = {{triage->key(), model::Value(std::int64_t{model::find_code(*triage, "red")->code}), {}}};
    model::SealedRun run;
    for (int i = 0; i < 200; ++i) {
      run = flooder.make(draft);
      link.say(run);
    }
    REQUIRE(run.seal.stream.cls == Class::Urgent);
    for (auto* node : {&a, &b}) CHECK(stage.says(*node, "urgent events within 10 minutes"));
    stage.row_of(b, run.entries.at(0).dot());
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
    Link link(a, insider);
    model::Entry entry;
    entry.stream = {{insider.home.node_key.id(), 90}, Class::Routine, {}};
    entry.seq = 1;
    entry.public_part = to_bytes(as_bytes(long_text));
    link.say(sync::Run{entry.stream, {entry}, std::nullopt});
    CHECK(stage.says(a, "more than"));
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
  {
    Link link(a, insider);
    const auto bad = sync::encode(sync::Keys{{model::PublicKey{}}});
    Bytes many;
    for (int i = 0; i < 2'000; ++i) many.insert(many.end(), bad.begin(), bad.end());
    link.client.send(as_text(many));
    CHECK(stage.says(a, "no usable"));
  }
  CHECK(a.events() <= before + 8);
  stage.all_goes_on();
  // What never ended its greeting, or was closed, is not kept.
  CHECK(eventually([&] { return a.status().at("peers").as_array().size() <= 2; }));
}
