// What a peer may send that it should not: each is refused with a reason, and the next good thing is unharmed.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/rng.hpp"
#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;

namespace {
// One real node and a peer whose every byte the test writes.
struct Stage {
  Stage() : node(1), other(2) {
    node.core.durable(now());
    peer = node.core.connect({}, now());
    give(encode(hello()));
    give(encode(VectorMessage{}));
    take();
    outputs.clear();
  }
  static Now now() { return at_ms(0); }
  Hello hello() const { return {protocol_version, incident, other.key.id(), "N2", 1, Digest{1}, 0}; }
  void give(ByteView bytes) { node.core.receive(peer, bytes, now()); }
  void take() {
    for (auto& output : node.core.take_outputs()) {
      if (auto* accept = std::get_if<Accept>(&output)) {
        if (accept->author_key) node.log.add_key(*accept->author_key);
        CHECK(node.log.append(accept->run));
        node.core.accepted(accept->ticket, now());
        ++accepts;
      }
      outputs.push_back(std::move(output));
    }
    node.core.durable(now());
    for (auto& output : node.core.take_outputs()) outputs.push_back(std::move(output));
  }
  std::vector<model::SealedRun> runs(Class cls, std::uint64_t after = 0) {
    return other.log.runs_after(stream_of(2, cls), after, 1 << 20);
  }
  Bytes frame(const model::SealedRun& run) { return encode(Run{run.seal.stream, run.entries, run.seal}); }
  void give_key() { give(encode(Keys{{other.key.public_key()}})); }
  std::string refusal() {
    take();
    for (const auto& output : outputs) {
      if (const auto* refused = std::get_if<Refused>(&output)) return refused->what;
    }
    return "";
  }
  std::optional<Reason> run_refused() {
    take();
    for (const auto& output : outputs) {
      const auto* send = std::get_if<Send>(&output);
      if (send == nullptr || send->bytes[4] != static_cast<std::uint8_t>(MessageType::RunRefused)) continue;
      const auto message = decode(send->bytes[4], ByteView(send->bytes).subspan(5, send->bytes.size() - 9));
      return std::get<RunRefused>(std::get<Message>(*message)).reason;
    }
    return std::nullopt;
  }
  bool closed() {
    take();
    for (const auto& output : outputs) {
      if (std::holds_alternative<Close>(output)) return true;
    }
    return false;
  }
  // The proof that nobody was harmed.
  void good_run_is_taken() {
    give_key();
    const auto before = accepts;
    other.write(Class::Important);
    const auto held = node.log.vector()[stream_of(2, Class::Important)];
    for (const auto& run : runs(Class::Important, held)) give(frame(run));
    take();
    CHECK(accepts > before);
    CHECK(node.log.vector().at(stream_of(2, Class::Important)) ==
          other.log.vector().at(stream_of(2, Class::Important)));
  }

  Node node, other;
  PeerId peer = 0;
  std::vector<Output> outputs;
  int accepts = 0;
};
}  // namespace

TEST_CASE("a good run is taken, and a second time counted as held") {
  Stage stage;
  stage.good_run_is_taken();
  stage.give(stage.frame(stage.runs(Class::Important).at(0)));
  stage.take();
  CHECK(stage.accepts == 1);
  CHECK(stage.node.core.peers().at(0).events_duplicate == 1);
  CHECK(stage.refusal().empty());
}

TEST_CASE("a gap is answered with where to go on, once") {
  Stage stage;
  stage.give_key();
  for (int i = 0; i < 5; ++i) stage.other.write(Class::Routine);
  const auto runs = stage.runs(Class::Routine);
  stage.give(stage.frame(runs.at(3)));
  CHECK(stage.run_refused() == Reason::Gap);
  stage.outputs.clear();
  stage.give(stage.frame(runs.at(4)));
  CHECK_FALSE(stage.run_refused());
  CHECK(stage.accepts == 0);
  stage.good_run_is_taken();
}

TEST_CASE("a run that the store does not take is answered for its stream alone") {
  bool for_good = false;
  SUBCASE("now: the disk is full or fails") {}
  SUBCASE("ever: it contradicts the log") { for_good = true; }
  Stage stage;
  stage.give_key();
  stage.other.write(Class::Routine);
  stage.give(stage.frame(stage.runs(Class::Routine).at(0)));
  std::optional<Ticket> ticket;
  for (auto& output : stage.node.core.take_outputs()) {
    if (const auto* accept = std::get_if<Accept>(&output)) {
      ticket = accept->ticket;
      if (accept->author_key) stage.node.log.add_key(*accept->author_key);
    }
  }
  REQUIRE(ticket);
  if (for_good) {
    stage.node.core.rejected(*ticket, "it contradicts what is here", stage.now());
  } else {
    stage.node.core.refused(*ticket, stage.now());
  }
  CHECK(stage.run_refused() == (for_good ? Reason::WrongChain : Reason::Busy));
  CHECK(stage.refusal() == (for_good ? "it contradicts what is here" : ""));
  CHECK(stage.node.core.peers().at(0).refused == (for_good ? 1 : 0));
  CHECK_FALSE(stage.closed());
  stage.node.core.rejected(*ticket, "a ticket counts once", stage.now());
  CHECK(stage.node.core.peers().at(0).refused == (for_good ? 1 : 0));
  stage.good_run_is_taken();  // of another stream
}

TEST_CASE("a seal that does not hold is refused") {
  Stage stage;
  stage.give_key();
  stage.other.write(Class::Routine);
  auto run = stage.runs(Class::Routine).at(0);
  run.seal.signature.value[3] ^= 1;
  stage.give(stage.frame(run));
  CHECK(stage.run_refused() == Reason::BadSeal);
  CHECK(stage.refusal().find("bad seal") != std::string::npos);
  CHECK_FALSE(stage.closed());
  stage.good_run_is_taken();
}

TEST_CASE("a second content of a number that is held is kept as a branch beside the first") {
  Stage stage;
  stage.give_key();
  stage.other.write(Class::Routine);
  stage.give(stage.frame(stage.runs(Class::Routine).at(0)));
  stage.take();
  REQUIRE(stage.accepts == 1);
  const auto held = stage.node.log.chain_at(stream_of(2, Class::Routine), 1);
  MemoryLog copied(incident, {stage.other.key.id(), 1});
  copied.write(stage.other.key, Class::Routine, 77);
  stage.give(stage.frame(copied.runs_after(stream_of(2, Class::Routine), 0, 1 << 20).at(0)));
  CHECK(stage.run_refused() == Reason::Forked);
  CHECK(stage.accepts == 2);  // the second as the branch it is
  CHECK(stage.node.log.chain_at(stream_of(2, Class::Routine), 1) == held);
  CHECK_FALSE(stage.closed());
  stage.good_run_is_taken();
}

// This version never says so of a run, which it closes the link for, but it understands who does.
TEST_CASE("what a peer calls malformed is kept back for the time it names, then sent again") {
  Stage stage;
  const auto runs_sent = [&](std::int64_t ms) {
    stage.outputs.clear();
    stage.node.core.poll(at_ms(ms));
    stage.take();
    int count = 0;
    for (const auto& output : stage.outputs) {
      const auto* send = std::get_if<Send>(&output);
      if (send != nullptr && send->bytes[4] == static_cast<std::uint8_t>(MessageType::Run)) ++count;
    }
    return count;
  };
  stage.node.write(Class::Routine);
  CHECK(runs_sent(0) == 1);
  stage.give(encode(RunRefused{stream_of(1, Class::Routine), 1, Reason::Malformed, 5'000}));
  CHECK(runs_sent(0) == 0);
  CHECK(runs_sent(4'000) == 0);
  CHECK(runs_sent(5'100) == 1);
  CHECK_FALSE(stage.closed());
  CHECK(name_of(Reason::Malformed) == "malformed");
  stage.good_run_is_taken();
}

TEST_CASE("entries that are not the sealed ones are refused") {
  Stage stage;
  stage.give_key();
  stage.other.write(Class::Routine);
  auto run = stage.runs(Class::Routine).at(0);
  run.entries.at(0).public_part.at(0) ^= 1;
  stage.give(stage.frame(run));
  CHECK(stage.run_refused() == Reason::WrongChain);
  stage.good_run_is_taken();
}

TEST_CASE("an author whose key nobody told is refused until the key comes") {
  Stage stage;
  stage.other.write(Class::Routine);
  stage.give(stage.frame(stage.runs(Class::Routine).at(0)));
  CHECK(stage.run_refused() == Reason::UnknownAuthor);
  CHECK(stage.accepts == 0);
  stage.give_key();
  stage.give(stage.frame(stage.runs(Class::Routine).at(0)));
  stage.take();
  CHECK(stage.accepts == 1);
}

TEST_CASE("an oversized event is refused, and the link goes on") {
  Stage stage;
  stage.give_key();
  stage.other.write(Class::Routine, model::event_bytes_max + 1);
  stage.give(stage.frame(stage.runs(Class::Routine).at(0)));
  CHECK(stage.run_refused() == Reason::Oversized);
  stage.good_run_is_taken();
}

TEST_CASE("a frame that is too long or damaged ends this link and no other") {
  for (const bool too_long : {true, false}) {
    Stage stage;
    const auto second = stage.node.core.connect({}, Stage::now());
    auto frame = encode(Pong{7});
    if (too_long) {
      frame[0] = 0xFF;
    } else {
      frame[5] ^= 1;
    }
    stage.give(frame);
    CHECK(stage.closed());
    CHECK(stage.refusal().find(too_long ? "more than" : "checksum") != std::string::npos);
    for (const auto& output : stage.outputs) {
      if (const auto* refused = std::get_if<Refused>(&output)) CHECK(refused->offset > 0);
    }
    REQUIRE(stage.node.core.peers().size() == 1);
    CHECK(stage.node.core.peers().at(0).peer == second);
  }
}

TEST_CASE("another incident, another protocol and the node itself are sent away with words") {
  const auto words_for = [](auto change) {
    Node node(1);
    const auto peer = node.core.connect({}, at_ms(0));
    Hello hello{protocol_version, incident, key_of(2).id(), "N2", 1, {}, 0};
    change(hello);
    node.core.receive(peer, encode(hello), at_ms(0));
    CHECK(node.core.peers().empty());
    for (const auto& output : node.core.take_outputs()) {
      if (const auto* close = std::get_if<Close>(&output)) return close->why;
    }
    return std::string();
  };
  CHECK(words_for([](Hello& h) { h.incident.value[0] ^= 1; }).find("this node serves incident 1111") == 0);
  const auto named = words_for([](Hello& h) {
    h.incident.value[0] ^= 1;
    h.incident_name = "Valley fire";
  });
  CHECK(named.find("the other side incident \"Valley fire\" (1011") != std::string::npos);
  CHECK(named.find("invitation") != std::string::npos);
  CHECK(words_for([](Hello& h) { h.version = 2; }).find("update the older one") != std::string::npos);
  CHECK(words_for([](Hello& h) { h.node = key_of(1).id(); }) == "this is the node itself");
}

TEST_CASE("a message before the greeting, or none at all, ends the link") {
  Node node(1);
  auto peer = node.core.connect({}, at_ms(0));
  node.core.receive(peer, encode(Pong{1}), at_ms(0));
  CHECK(node.core.peers().empty());
  peer = node.core.connect({}, at_ms(0));
  node.core.receive(peer, as_bytes("GET / HTTP/1.1\r\n\r\n"), at_ms(0));
  CHECK(node.core.peers().empty());
  node.core.take_outputs();
  peer = node.core.connect({"10.0.0.1:8080", true}, at_ms(0));
  node.core.receive(peer, as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"), at_ms(0));
  std::vector<Close> closed;
  for (const auto& output : node.core.take_outputs()) {
    if (const auto* close = std::get_if<Close>(&output)) closed.push_back(*close);
  }
  REQUIRE(closed.size() == 1);
  CHECK(closed[0].why.find("is it its page?") != std::string::npos);
  CHECK(closed[0].is_refusal);
  node.core.connect({}, at_ms(0));
  node.core.poll(at_ms(9'000));
  CHECK(node.core.peers().size() == 1);
  node.core.poll(at_ms(10'000));
  CHECK(node.core.peers().empty());
}

TEST_CASE("a message of a later version is passed over") {
  Stage stage;
  stage.give(make_frame(29, as_bytes("whatever")));
  stage.give(make_frame(0x85, as_bytes("flagged")));
  CHECK(stage.node.core.peers().at(0).unknown_messages == 2);
  stage.good_run_is_taken();
}

TEST_CASE("a peer that only sends nonsense is closed in the end") {
  Stage stage;
  for (std::uint64_t i = 0; i < refusals_max + 10; ++i) stage.give(make_frame(5, as_bytes("nonsense")));
  CHECK(stage.closed());
  CHECK(stage.node.core.peers().empty());
}

TEST_CASE("an unsealed run without end does not fill memory") {
  Stage stage;
  stage.give_key();
  Run run{stream_of(2, Class::Routine), {}, std::nullopt};
  for (std::uint64_t seq = 1; seq < 200; ++seq) {
    model::Entry entry;
    entry.stream = run.stream;
    entry.seq = seq;
    entry.public_part = Bytes(60'000, 1);
    run.entries = {entry};
    stage.give(encode(run));
  }
  CHECK(stage.run_refused() == Reason::Oversized);
  stage.good_run_is_taken();
}

TEST_CASE("a peer that lies about its vector gains nothing") {
  Stage stage;
  std::vector<VectorItem> items;
  items.push_back({stream_of(1, Class::Urgent), 1'000'000, Head4{1, 2, 3, 4}});  // more of our own than we have
  items.push_back({stream_of(9, Class::Urgent), UINT64_MAX, {}});
  stage.give(encode(Ack{items}));
  stage.take();
  // No proof, no new incarnation; it is only shown that the peer claims more.
  for (const auto& output : stage.outputs) CHECK_FALSE(std::holds_alternative<OwnStreamAhead>(output));
  CHECK(stage.node.core.peers().at(0).level == Level::Behind);
  stage.good_run_is_taken();
}

TEST_CASE("whoever holds a signed event of ours that we do not is believed") {
  Stage stage;
  MemoryLog earlier(incident, {stage.node.key.id(), 1});
  for (int i = 0; i < 3; ++i) earlier.write(stage.node.key, Class::Routine, 10);
  const auto runs = earlier.runs_after(stream_of(1, Class::Routine), 0, 1000);
  stage.give(stage.frame(runs.at(2)));
  stage.take();
  int told = 0;
  for (const auto& output : stage.outputs) {
    if (const auto* ahead = std::get_if<OwnStreamAhead>(&output)) {
      ++told;
      CHECK(ahead->here == 0);
      CHECK(ahead->there == 3);
    }
  }
  CHECK(told == 1);
  CHECK(stage.run_refused() == Reason::OwnStream);
  // Under a new incarnation the old one is a stream like any other.
  stage.node.log.set_own({stage.node.key.id(), 2});
  for (const auto& run : runs) stage.give(stage.frame(run));
  stage.take();
  CHECK(stage.node.log.vector().at(stream_of(1, Class::Routine)) == 3);
}

TEST_CASE("an own event that comes back before it is said to be durable is no sign of another device") {
  Stage stage;
  for (int i = 0; i < 2; ++i) stage.node.write(Class::Routine);  // in the log, and durable() is on its way
  const auto runs = stage.node.log.runs_after(stream_of(1, Class::Routine), 0, 1'000);
  for (const auto& run : runs) stage.give(stage.frame(run));
  CHECK(stage.node.core.peers().at(0).events_duplicate == 2);
  stage.take();
  for (const auto& output : stage.outputs) CHECK_FALSE(std::holds_alternative<OwnStreamAhead>(output));
  CHECK_FALSE(stage.run_refused());
  stage.good_run_is_taken();
}

TEST_CASE("what no author signed leaves no trace, and gaps without end close the link") {
  Stage stage;
  stage.give_key();
  stage.other.write(Class::Routine);
  auto run = stage.runs(Class::Routine).at(0);
  for (auto& entry : run.entries) entry.seq = 5;
  run.seal.seq = 5;
  stage.give(stage.frame(run));
  CHECK(stage.run_refused() == Reason::BadSeal);
  CHECK(stage.node.core.held_by(stream_of(2, Class::Routine)).empty());
  for (std::uint64_t i = 1; i < refusals_max; ++i) stage.give(stage.frame(run));
  CHECK(stage.closed());

  Stage signed_gaps;
  signed_gaps.give_key();
  for (int i = 0; i < 2; ++i) signed_gaps.other.write(Class::Routine);
  auto second = signed_gaps.runs(Class::Routine).at(1);
  // The seal does not name the branch, so a good one can be shown under any name.
  for (std::uint32_t i = 0; i <= gaps_max && !signed_gaps.node.core.peers().empty(); ++i) {
    auto branch = second.seal.stream;
    branch.branch = {2, {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)}};
    for (auto& entry : second.entries) entry.stream = branch;
    second.seal.stream = branch;
    signed_gaps.give(signed_gaps.frame(second));
    if (i % 100 == 0) signed_gaps.take();
  }
  CHECK(signed_gaps.closed());
}

TEST_CASE("many questions for the vector that come together get one answer") {
  Stage stage;
  stage.node.write(Class::Routine);
  stage.node.core.durable(Stage::now());
  Bytes questions;
  const auto one = encode(AskVector{});
  for (int i = 0; i < 4'000; ++i) questions.insert(questions.end(), one.begin(), one.end());
  stage.take();
  stage.outputs.clear();
  stage.give(questions);
  stage.take();
  const auto vectors = std::count_if(stage.outputs.begin(), stage.outputs.end(), [](const Output& output) {
    const auto* send = std::get_if<Send>(&output);
    return send != nullptr && send->bytes[4] == static_cast<std::uint8_t>(MessageType::Vector);
  });
  CHECK(vectors == 1);
}

TEST_CASE("strangers do not use up the room of those who belong here") {
  Node node(1);
  const auto now = at_ms(0);
  // One stranger, very many incarnations; nobody granted key 7.
  Config config{incident, node.key.id(), "N1"};
  config.is_granted = [](const model::SealedRun& run) { return run.seal.stream.writer.author != key_of(7).id(); };
  Core core(config, node.log);
  const auto peer = core.connect({}, now);
  core.receive(peer, encode(Hello{protocol_version, incident, key_of(7).id(), "X", 1, {}, 0}), now);
  core.receive(peer, encode(VectorMessage{}), now);
  core.receive(peer, encode(Keys{{key_of(7).public_key(), key_of(8).public_key()}}), now);
  std::size_t taken = 0, told = 0;
  const auto give = [&](std::uint8_t author, std::uint32_t incarnation) {
    MemoryLog log(incident, {key_of(author).id(), incarnation});
    log.write(key_of(author), Class::Routine, 10);
    const auto run = log.runs_after(stream_of(author, Class::Routine, incarnation), 0, 1000).at(0);
    core.receive(peer, encode(Run{run.seal.stream, run.entries, run.seal}), now);
    for (const auto& output : core.take_outputs()) {
      told += std::holds_alternative<Refused>(output) ? 1 : 0;
      taken += std::holds_alternative<Accept>(output) ? 1 : 0;
    }
  };
  for (std::uint32_t i = 1; i <= stranger_streams_max + 50; ++i) {
    give(7, i);
    if (i % 500 == 0) core.durable(now);  // something else is on disk, these are on their way there
  }
  CHECK(taken == stranger_streams_max);
  CHECK(told == 1);
  CHECK(core.strangers_refused() == 50);
  CHECK(core.peers().size() == 1);
  give(8, 1);
  CHECK(taken == stranger_streams_max + 1);
}

TEST_CASE("where strangers have no more room, what follows a newcomer's grant is asked for again soon") {
  Node node(1);
  const auto now = at_ms(0);
  Config config{incident, node.key.id(), "N1"};
  config.is_granted = [](const model::SealedRun& run) { return run.seal.stream.cls == Class::Urgent; };
  Core core(config, node.log);
  const auto peer = core.connect({}, now);
  core.receive(peer, encode(Hello{protocol_version, incident, key_of(7).id(), "X", 1, {}, 0}), now);
  core.receive(peer, encode(VectorMessage{}), now);
  core.receive(peer, encode(Keys{{key_of(7).public_key(), key_of(8).public_key()}}), now);
  const auto give = [&](std::uint8_t author, std::uint32_t incarnation, Class cls) {
    MemoryLog log(incident, {key_of(author).id(), incarnation});
    log.write(key_of(author), cls, 10);
    const auto run = log.runs_after(stream_of(author, cls, incarnation), 0, 1000).at(0);
    core.take_outputs();
    core.receive(peer, encode(Run{run.seal.stream, run.entries, run.seal}), now);
    std::optional<RunRefused> refused;
    for (const auto& output : core.take_outputs()) {
      const auto* send = std::get_if<Send>(&output);
      if (send == nullptr) continue;
      const auto message = decode(send->bytes[4], ByteView(send->bytes).subspan(5, send->bytes.size() - 9));
      REQUIRE(message);
      if (const auto* known = std::get_if<Message>(&*message)) {
        if (const auto* found = std::get_if<RunRefused>(known)) refused = *found;
      }
    }
    return refused;
  };
  for (std::uint32_t i = 1; i <= stranger_streams_max; ++i) REQUIRE_FALSE(give(7, i, Class::Routine));
  const auto unknown = give(8, 1, Class::Routine);
  REQUIRE(unknown);
  CHECK(unknown->reason == Reason::TooManyStreams);
  REQUIRE_FALSE(give(8, 1, Class::Urgent));  // it brings the grant, and is being written
  const auto following = give(8, 1, Class::Important);
  REQUIRE(following);
  CHECK(following->reason == Reason::Busy);
  CHECK(Milliseconds(following->retry_ms) == retry_busy);
}

TEST_CASE("a vector of more streams than one frame takes is told in several") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  // Own incarnations are never refused, so they are what there may be too many of.
  for (std::uint32_t i = 1; i <= items_per_frame_max + 100; ++i) {
    a.log.set_own({a.key.id(), i});
    a.write(Class::Routine, 1);
  }
  net.join(a, b);
  b.core.poll(net.now());
  // The first burst of events, then the vector; not all the events.
  const auto last = stream_of(1, Class::Routine, items_per_frame_max + 100);
  for (int i = 0; i < 2'000 && b.core.held_by(last).empty(); ++i) net.step();
  CHECK(b.core.held_by(last).size() == 1);
  CHECK(b.core.peers().at(0).refused == 0);
}

TEST_CASE("hostile bytes of any kind leave the node working") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Rng rng(seed);
    Stage stage;
    stage.other.write(Class::Important);
    std::vector<Bytes> frames = {encode(Keys{{stage.other.key.public_key()}}),
                                 stage.frame(stage.runs(Class::Important).at(0)),
                                 encode(Ack{{{stream_of(2, Class::Important), 1, {}}}}),
                                 encode(ChainQuery{stream_of(1, Class::Urgent), {1, 2, 3}}),
                                 encode(ChainReply{stream_of(1, Class::Urgent), {{1, {}}}}),
                                 encode(RunRefused{stream_of(1, Class::Urgent), 1, Reason::Gap, 1}),
                                 encode(AskVector{})};
    for (int i = 0; i < 20; ++i) {
      auto frame = frames[rng.below(frames.size())];
      // Damage inside a frame whose checksum is right again: only the decoder stands between.
      Bytes payload(frame.begin() + 5, frame.end() - 4);
      if (!payload.empty()) payload[rng.below(payload.size())] = static_cast<std::uint8_t>(rng());
      stage.give(make_frame(frame[4], payload));
    }
    stage.take();
    if (!stage.node.core.peers().empty()) stage.good_run_is_taken();
  }
}
