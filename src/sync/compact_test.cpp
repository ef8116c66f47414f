#include "sync/compact.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "model/test_events.hpp"
#include "sync/compact_bytes.hpp"
#include "sync/compact_position.hpp"
#include "sync/limits.hpp"
#include "sync/test_net.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;
using model::Class;
using model::test::Maker;

namespace {
const std::string golden_path = AIRBRIDGE_TEST_DATA "/../golden/sync/compact.txt";

model::Writer writer_of(std::uint8_t n) { return {key_of(n).id(), 1}; }

// Nodes 1 to 5 and the person of key 9 in a table both sides hold.
struct Two {
  WriterTable table{{writer_of(1), writer_of(2), writer_of(3), writer_of(4), writer_of(5), {key_of(9).id(), 0}}};
  HeldVector base;
  CompactContext context;
  Two() {
    for (std::uint8_t n = 1; n <= 5; ++n) {
      for (const auto cls : {Class::Urgent, Class::Important, Class::Routine}) base[stream_of(n, cls)] = {10U * n, {}};
    }
    context.table = &table;
    context.tables = [this](WriterTag tag) {
      return tag == table.tag() ? std::vector<const WriterTable*>{&table} : std::vector<const WriterTable*>{};
    };
    context.vector = [this](const Digest& digest) { return digest == numbers_digest_of(base) ? &base : nullptr; };
    context.now = at_ms(0).utc;
  }
  Two(const Two&) = delete;
  Message there(const Message& message) const {
    const auto read = decode_compact(encode_compact(message, context), context);
    REQUIRE(read);
    return std::get<Message>(read->message);
  }
  template <class M>
  M back(const M& message) const {
    return std::get<M>(there(message));
  }
};

void check_same(const std::vector<VectorItem>& a, const std::vector<VectorItem>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].stream == b[i].stream);
    CHECK(a[i].seq == b[i].seq);
    CHECK(a[i].head == b[i].head);
  }
}
void check_same(const Run& a, const Run& b) {
  CHECK(a.stream == b.stream);
  CHECK(a.entries == b.entries);
  CHECK(a.head_known == b.head_known);
  CHECK(a.seal == b.seal);
}

model::Entry entry_of(const model::Event& event, const model::StreamId& stream, std::uint64_t seq) {
  model::Entry out{stream, seq, {}, {}};
  out.public_part = model::encode(event, out.dot());
  return out;
}
// As a node makes them: an operator at the page, a few minutes apart.
model::Event plain_event(std::int64_t ms, std::string text) {
  model::Event event;
  event.time = model::Hlc::at(at_ms(ms).utc);
  event.quality = model::ClockQuality::Ntp;
  event.actor = key_of(9).id();
  event.via = model::Via::Web;
  event.record = static_cast<std::uint16_t>(model::RecordKind::Journal);
  event.writes = {{model::FieldKey::of(6, model::MergeRule::Append), std::move(text), {}}};
  return event;
}
Run example_run() {
  const auto stream = stream_of(2, Class::Routine);
  Run run{stream, {}, {}, false};
  for (std::uint64_t seq = 4; seq <= 6; ++seq) {
    auto event = plain_event(static_cast<std::int64_t>(seq) * 60'000, "bridge closed");
    event.entity = model::Dot{stream.writer, stream.cls, seq};
    if (seq == 6) {
      const model::Dot report{writer_of(3), Class::Important, 17};
      event.record = static_cast<std::uint16_t>(model::RecordKind::Casualty);
      event.entity = report;
      event.writes = {{model::FieldKey::of(6, model::MergeRule::MultiValue), 2, {report}},
                      {model::FieldKey::of(8, model::MergeRule::Ranked),
                       model::Value::List{465'000'000, 77'500'000},
                       {{writer_of(2), Class::Routine, 3}}}};
    }
    run.entries.push_back(entry_of(event, stream, seq));
  }
  run.seal.emplace();
  run.seal->stream = stream;
  run.seal->seq = 6;
  run.seal->signature.value.fill(0x5E);
  return run;
}

model::Observation helicopter() {
  model::Observation out;
  out.subject = model::external_name("icao", "4d2023");
  out.kind = model::SubjectKind::Helicopter;
  out.via = model::Via::Gnss;
  out.source = "gpsd";
  out.gateway = key_of(2).id();
  out.measured = at_ms(-5'400).utc;
  out.position = *Position::from_e7(465'123'456, 77'654'321);
  out.height = EllipsoidHeight(Metres{1234.4});
  out.course = TrueBearing::from_degrees(211.3);
  out.speed = MetresPerSecond{54.3};
  out.horizontal_error_95 = Metres{4};
  out.on_ground = false;
  out.battery_percent = 57;
  out.callsign = "RESCUE 1";
  return out;
}

std::vector<std::pair<std::string, Message>> examples() {
  const auto stream = stream_of(2, Class::Important);
  auto branch = stream;
  branch.branch = {4, {1, 2, 3, 4, 5, 6, 7, 8}};
  const Digest all{1, 2, 3, 4, 5, 6, 7, 8};
  VectorMessage full, grown;
  full.all = grown.all = all;
  const Two two;
  grown.base = numbers_digest_of(two.base);
  for (const auto& [id, held] : two.base) {
    full.items.push_back({id, held.seq, {}});
    if (id.cls == Class::Routine) grown.items.push_back({id, held.seq + 7, {}});
  }
  auto doubted = full;
  for (auto& item : doubted.items) item.head = Head4{0xAA, 0xBB, 0xCC, static_cast<std::uint8_t>(item.seq)};
  auto forked = full;
  forked.items.push_back({branch, 7, {}});
  forked.items.push_back({stream_of(77, Class::Urgent), 3, {}});
  std::sort(forked.items.begin(), forked.items.end(), [](const auto& a, const auto& b) { return a.stream < b.stream; });
  auto grown_table = two.table.writers();
  grown_table.push_back({key_of(6).id(), 1});
  std::sort(grown_table.begin(), grown_table.end());
  return {{"ASK_VECTOR", AskVector{}},
          {"ASK_VECTOR base", AskVector{all}},
          {"ASK_VECTOR heads", AskVector{all, true}},
          {"VECTOR full", full},
          {"VECTOR delta", grown},
          {"VECTOR heads", doubted},
          {"VECTOR branch, stranger", forked},
          {"VECTOR other base", VectorMessage{Digest{9}, grown.items, all}},
          {"KEYS", Keys{{key_of(1).public_key(), key_of(2).public_key()}}},
          {"RUN", example_run()},
          {"ACK", Ack{{{stream, 260, {}}, {stream_of(5, Class::Routine), 3'000, {}}}}},
          {"ACK heads", Ack{{{stream, 3, Head4{1, 2, 3, 4}}, {branch, 7, Head4{5, 6, 7, 8}}}}},
          {"LAST_VALUES", LastValues{{model::encode(helicopter())}}},
          {"CHAIN_QUERY", ChainQuery{stream, {1, 5, 900}}},
          {"CHAIN_REPLY", ChainReply{stream, {{1, {1}}, {5, {2}}}}},
          {"PING", Ping{300, all}},
          {"PONG", Pong{300}},
          {"RUN_REFUSED", RunRefused{stream, 4, Reason::Busy, 2'000}},
          {"BYE", Bye{Parting::Stopping, "the node is stopping"}},
          {"ASK_WRITERS", AskWriters{0x1234}},
          {"WRITERS", Writers{{writer_of(1), writer_of(2)}}},
          {"WRITERS grown", Writers{grown_table}},
          {"WHO_IS", WhoIs{{0x1234, 0x5678}}},
          {"HELLO", Hello{1, incident, key_of(1).id(), "N1", 1, all, 0, 7, "Valley fire"}}};
}
}  // namespace

TEST_CASE("numbers take one to nine bytes and read back") {
  for (const auto& [value, size] : std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 1},
                                                                                      {240, 1},
                                                                                      {241, 2},
                                                                                      {2'287, 2},
                                                                                      {2'288, 3},
                                                                                      {67'823, 3},
                                                                                      {67'824, 4},
                                                                                      {0xFFFFFF, 4},
                                                                                      {0x1000000, 5},
                                                                                      {UINT64_MAX, 9}}) {
    Bytes bytes;
    compact::put_number(bytes, value);
    CHECK(bytes.size() == size);
    CHECK(compact::number_size(value) == size);
    compact::In in(bytes);
    CHECK(in.number() == value);
    in.end();
    CHECK(in.ok());
  }
}

TEST_CASE("a column takes the shorter of its two codes") {
  Maker maker(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::uint64_t> values(maker.rng().below(60));
    const auto width = maker.rng().below(64);
    for (auto& value : values) value = maker.rng()() >> (63 - width);
    if (round % 3 == 0 && !values.empty()) values[0] = 40'000;  // one that writes much more than all others
    Bytes plain, packed;
    compact::BitWriter bits(packed);
    compact::put_column(plain, bits, values);
    if (width < 8) CHECK(packed.size() <= 5 + (values.size() * (width + 3) + 7) / 8);
    compact::In in(packed), mode(plain);
    compact::BitReader reader(in);
    CHECK(compact::get_column(mode, reader, values.size()) == values);
    in.end(), mode.end();
    CHECK(in.ok());
    CHECK(mode.ok());
  }
}

TEST_CASE("every message reads back as it was") {
  const Two two;
  for (const auto& [name, message] : examples()) {
    CAPTURE(name);
    const auto bytes = encode_compact(message, two.context);
    const auto read = decode_compact(bytes, two.context);
    REQUIRE(read);
    const auto& again = std::get<Message>(read->message);
    REQUIRE(again.index() == message.index());
    CHECK(encode_compact(again, two.context) == bytes);
    CHECK(encode(again) == encode(message));
    if (const auto* vector = std::get_if<VectorMessage>(&message)) {
      const auto& got = std::get<VectorMessage>(again);
      CHECK(got.all == vector->all);
      CHECK(got.base == vector->base);
      CHECK(got.items.size() == vector->items.size());
    }
    if (const auto* ask = std::get_if<AskVector>(&message)) CHECK(std::get<AskVector>(again).heads == ask->heads);
    if (const auto* who = std::get_if<WhoIs>(&message)) CHECK(std::get<WhoIs>(again).tags == who->tags);
    if (const auto* table = std::get_if<Writers>(&message)) CHECK(std::get<Writers>(again).writers == table->writers);
    if (const auto* ask = std::get_if<AskWriters>(&message)) CHECK(std::get<AskWriters>(again).tag == ask->tag);
    if (const auto* run = std::get_if<Run>(&message)) check_same(std::get<Run>(again), *run);
  }
}

TEST_CASE("messages have the bytes that docs/protocol/compact.md promises") {
  const Two two;
  std::string written;
  for (const auto& [name, message] : examples()) {
    written += name + ": " + to_hex(encode_compact(message, two.context)) + "\n";
  }
  if (std::getenv("AIRBRIDGE_WRITE_GOLDEN") != nullptr) std::ofstream(golden_path) << written;
  std::ifstream in(golden_path);
  std::stringstream golden;
  golden << in.rdbuf();
  CHECK(golden.str() == written);
}

TEST_CASE("a damaged message is refused or says something else, and harms nobody") {
  const Two two;
  for (const auto& [name, message] : examples()) {
    CAPTURE(name);
    const auto bytes = encode_compact(message, two.context);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      if (const auto cut = decode_compact(ByteView(bytes).first(size), two.context)) {
        if (const auto* known = std::get_if<Message>(&cut->message)) encode_compact(*known, two.context);
      }
    }
    auto flipped = bytes;
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
      if (const auto other = decode_compact(flipped, two.context)) {
        if (const auto* known = std::get_if<Message>(&other->message)) encode_compact(*known, two.context);
      }
      flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    }
    Maker maker(bytes.size());
    for (int round = 0; round < 200; ++round) {
      auto mixed = bytes;
      for (auto changes = 1 + maker.rng().below(6); changes > 0; --changes) {
        mixed[maker.rng().below(mixed.size())] =
            static_cast<std::uint8_t>(maker.rng().chance(0.3) ? 0xFF : maker.rng()());
      }
      if (maker.rng().chance(0.3)) mixed.resize(mixed.size() + maker.rng().below(40));
      static_cast<void>(decode_compact(mixed, two.context));
    }
  }
}

TEST_CASE("random events of a run come out byte for byte") {
  const Two two;
  Maker maker(7);
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    Run run;
    run.stream = maker.stream();
    run.head_known = maker.rng().chance(0.3);
    const auto count = 1 + maker.rng().below(6);
    for (std::uint64_t i = 0; i < count; ++i) {
      model::Entry entry{run.stream, 1'000 + i, {}, {}};
      auto event = maker.event(entry.dot());
      if (maker.rng().chance(0.5)) {
        event.time = model::Hlc::at(at_ms(static_cast<std::int64_t>(maker.rng().below(10'000'000))).utc);
      }
      if (maker.rng().chance(0.5)) event.writes.push_back({{96}, model::Value::List{465'000'000, 77'500'000}, {}});
      if (maker.rng().chance(0.3)) {
        event.writes.push_back({{112}, model::Value::List{3, 465'000'000, 77'500'000, 1, 2, -7, -1'800'000'000}, {}});
      }
      entry.public_part = maker.rng().chance(0.1) ? maker.bytes(40) : model::encode(event, entry.dot());
      if (maker.rng().chance(0.3)) entry.private_part = model::PrivatePart::here(maker.bytes(60));
      if (maker.rng().chance(0.2)) entry.private_part = model::PrivatePart::withheld(maker.fixed<model::Hash>());
      run.entries.push_back(std::move(entry));
    }
    if (maker.rng().chance(0.8)) {
      run.seal.emplace();
      run.seal->stream = run.stream;
      run.seal->seq = 1'000 + count - 1;
      if (run.head_known) run.seal->head = maker.fixed<model::Hash>();
      run.seal->signature = maker.fixed<model::Signature>();
    } else {
      run.head_known = true;
    }
    check_same(two.back(run), run);
  }
}

TEST_CASE("an event as operators make them takes few bytes beside its text") {
  const Two two;
  auto run = example_run();
  const auto size = encode_compact(run, two.context).size();
  run.entries.resize(2);
  run.seal->seq = 5;
  const auto without = encode_compact(run, two.context).size();
  CHECK(size - without <= 3 + 2 + 3 + 4 + 13);  // heads and time, entity, triage, and a place with the dot it replaces
  CHECK(without <= 76 + 2 * 20 + 8);            // head, signature, actor; two texts of 13 bytes with their heads
}

TEST_CASE("what is not an event of this version goes as it is") {
  const Two two;
  Run run;
  run.stream = stream_of(3, Class::Urgent);
  run.entries = {{run.stream, 1, Bytes{0xFF, 0x00, 0x13}, {}}, {run.stream, 2, {}, {}}};
  // A newer version's key in the envelope.
  auto event = plain_event(0, "x");
  event.entity = model::Dot{run.stream.writer, run.stream.cls, 3};
  auto newer = entry_of(event, run.stream, 3);
  newer.public_part[0] += 1;
  newer.public_part.push_back(0x18);
  newer.public_part.push_back(0x20);
  newer.public_part.push_back(0x01);
  REQUIRE(model::decode_event(newer.public_part, newer.dot())->newer_keys == 1);
  run.entries.push_back(newer);
  check_same(two.back(run), run);
}

TEST_CASE("a run leaves out its seal's head and the private parts when told") {
  const Two two;
  Maker maker(3);
  auto run = example_run();
  run.entries[0].private_part = model::PrivatePart::here(maker.bytes(90));
  run.seal->head = maker.fixed<model::Hash>();
  const auto bytes = encode_compact_run(run.stream, run.entries, &*run.seal, false, two.context);
  const auto read = decode_compact(bytes, two.context);
  REQUIRE(read);
  const auto& got = std::get<Run>(std::get<Message>(read->message));
  CHECK_FALSE(got.head_known);
  CHECK(got.seal->signature == run.seal->signature);
  CHECK(got.entries[0].private_part.state == model::PrivatePart::State::Withheld);
  CHECK(got.entries[0].private_part.hash == run.entries[0].private_part.hash);
  CHECK(dense_bytes_of(bytes) >= 64 + 32);
}

TEST_CASE("a table nobody knows is named, and of two with one tag the one that fits is taken") {
  Two two;
  const auto bytes = encode_compact(Ack{{{stream_of(5, Class::Routine), 9, {}}}}, two.context);
  auto receiver = two.context;
  receiver.tables = [](WriterTag) { return std::vector<const WriterTable*>{}; };
  const auto unknown = decode_compact(bytes, receiver);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().fault == CompactFault::UnknownTable);
  CHECK(unknown.error().table == two.table.tag());
  receiver.tables = nullptr;
  CHECK(decode_compact(bytes, receiver).error().fault == CompactFault::UnknownTable);
  const WriterTable small({writer_of(8)});
  receiver.tables = [&](WriterTag) { return std::vector<const WriterTable*>{&small, &two.table}; };
  const auto found = decode_compact(bytes, receiver);
  REQUIRE(found);
  CHECK(std::get<Ack>(std::get<Message>(found->message)).items[0].stream == stream_of(5, Class::Routine));
  receiver.tables = [&](WriterTag) { return std::vector<const WriterTable*>{&small}; };
  CHECK(decode_compact(bytes, receiver).error().fault == CompactFault::Malformed);
}

TEST_CASE("a table that has grown is told by what is new in it") {
  const Two two;
  auto writers = two.table.writers();
  writers.push_back({key_of(6).id(), 1});
  std::sort(writers.begin(), writers.end());
  const auto bytes = encode_compact(Writers{writers}, two.context);
  CHECK(bytes.size() == 1 + 2 + 20);
  CHECK(two.back(Writers{writers}).writers == writers);
  // Whoever does not know the old one asks for it, which goes in full, and can then read this.
  auto receiver = two.context;
  receiver.tables = nullptr;
  CHECK(decode_compact(bytes, receiver).error().table == two.table.tag());
  const auto old = encode_compact(Writers{two.table.writers()}, two.context);
  CHECK(old.size() == 1 + 6 * 20);
  CHECK(decode_compact(old, receiver));
}

TEST_CASE("without a table everything is said in full") {
  const Two two;
  for (const auto& [name, message] : examples()) {
    CAPTURE(name);
    CompactContext nothing;
    nothing.vector = two.context.vector;
    const auto read = decode_compact(encode_compact(message, nothing), nothing);
    REQUIRE(read);
    CHECK(encode(std::get<Message>(read->message)) == encode(message));
  }
}

TEST_CASE("a delta from a vector nobody remembers says so") {
  const Two two;
  VectorMessage message{numbers_digest_of(two.base), {{stream_of(1, Class::Urgent), 99, {}}}, Digest{1}};
  const auto bytes = encode_compact(message, two.context);
  auto receiver = two.context;
  receiver.vector = [](const Digest&) { return nullptr; };
  const auto unknown = decode_compact(bytes, receiver);
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().fault == CompactFault::UnknownBase);
}

TEST_CASE("a delta says what grew, what shrank, what is gone and what is new") {
  const Two two;
  Maker maker(11);
  for (int round = 0; round < 200; ++round) {
    VectorMessage message;
    message.base = numbers_digest_of(two.base);
    const bool heads = maker.rng().chance(0.3);
    const auto head = [&] {
      return heads ? std::optional(Head4{1, 2, 3, static_cast<std::uint8_t>(round)}) : std::nullopt;
    };
    for (const auto& [stream, held] : two.base) {
      if (maker.rng().chance(0.3))
        message.items.push_back({stream, held.seq + 1 + maker.rng().below(300), head()});
      else if (maker.rng().chance(0.1))
        message.items.push_back({stream, maker.rng().below(held.seq), head()});
    }
    for (auto& item : message.items) {
      if (item.seq == 0) item.head.reset();
    }
    if (maker.rng().chance(0.5)) message.items.push_back({maker.stream(), 1 + maker.rng().below(9), head()});
    auto sorted = message.items;
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.stream < b.stream; });
    check_same(two.back(message).items, sorted);
    message.base.reset();
    std::erase_if(message.items, [](const auto& item) { return item.seq == 0; });
    std::erase_if(sorted, [](const auto& item) { return item.seq == 0; });
    check_same(two.back(message).items, sorted);
    check_same(two.back(Ack{message.items}).items, sorted);
  }
}

TEST_CASE("the vector of fifty writers after a day takes little more than a hundred bytes") {
  std::vector<model::Writer> writers;
  HeldVector held;
  Maker maker(5);
  for (int i = 0; i < 50; ++i) {
    writers.push_back({maker.fixed<model::KeyId>(), static_cast<std::uint32_t>(maker.rng()() | 1)});
    held[{writers.back(), Class::Urgent, {}}] = {1 + maker.rng().below(10), {}};
    held[{writers.back(), Class::Important, {}}] = {20 + maker.rng().below(50), {}};
    held[{writers.back(), Class::Routine, {}}] = {20 + maker.rng().below(80), {}};
  }
  const WriterTable table(writers);
  CompactContext context;
  context.table = &table;
  context.vector = [&](const Digest&) { return &held; };
  VectorMessage full, delta;
  full.all = delta.all = Digest{1};
  delta.base = Digest{2};
  for (const auto& [stream, one] : held) {
    full.items.push_back({stream, one.seq, {}});
    if (maker.rng().chance(0.5)) delta.items.push_back({stream, one.seq + 1 + maker.rng().below(60), {}});
  }
  CHECK(encode_compact(full, context).size() <= 135);
  CHECK(encode_compact(delta, context).size() <= 110);
}

TEST_CASE("a run whose few bytes stand for many is refused") {
  const Two two;
  Run run;
  run.stream = stream_of(1, Class::Routine);
  // Each event repeats the source before it: 256 bytes for none.
  auto event = plain_event(0, "");
  event.source = std::string(model::source_max, 's');
  event.writes[0].value = std::string(200, 't');
  for (std::uint64_t seq = 1; seq <= entries_per_run_max; ++seq) {
    event.entity = model::Dot{run.stream.writer, run.stream.cls, seq};
    run.entries.push_back(entry_of(event, run.stream, seq));
  }
  const auto bytes = encode_compact(run, two.context);
  CHECK(bytes.size() < frame_bytes_max);
  CHECK(decode_compact(bytes, two.context).error().fault == CompactFault::Malformed);
}

TEST_CASE("types and flags of later versions are passed over") {
  const Two two;
  for (const int first : {0x00, 0x11, 0x1F, 0x2B, 0x9F}) {
    const auto read = decode_compact(Bytes{static_cast<std::uint8_t>(first), 1, 2, 3}, two.context);
    REQUIRE(read);
    CHECK(std::holds_alternative<UnknownMessage>(read->message));
  }
  CHECK_FALSE(decode_compact({}, two.context));
}

// ---- positions --------------------------------------------------------------------------------------------------

namespace {
struct Heard {
  Two two;
  std::map<ObservationKey, Bytes> told;
  std::vector<Bytes> known;
  Heard() {
    two.context.told = [this](const ObservationKey& key) {
      return told.contains(key) ? ByteView(told[key]) : ByteView();
    };
    two.context.known = [this](std::uint16_t tag) {
      std::vector<ByteView> out;
      for (const auto& one : known) {
        if (tag_of(*model::decode_observation(one)) == tag) out.emplace_back(one);
      }
      return out;
    };
  }
  void tell(const model::Observation& observation) {
    told[key_of(observation)] = model::encode(observation);
    known = {model::encode(observation)};
  }
  CompactMessage send(const model::Observation& observation) {
    bytes = encode_compact(LastValues{{model::encode(observation)}}, two.context);
    auto read = decode_compact(bytes, two.context);
    REQUIRE(read);
    return *read;
  }
  model::Observation there(const model::Observation& observation) {
    const auto read = send(observation);
    const auto& values = std::get<LastValues>(std::get<Message>(read.message));
    REQUIRE(values.observations.size() == 1);
    return *model::decode_observation(values.observations[0]);
  }
  Bytes bytes;
};
}  // namespace

TEST_CASE("a position of a known thing takes fifteen bytes and is off by no more than promised") {
  Heard heard;
  Maker maker(17);
  for (int round = 0; round < 500; ++round) {
    auto full = helicopter();
    if (round % 3 == 0) full.height.reset();
    if (round % 3 == 1) full.height.reset(), full.pressure_altitude = PressureAltitude(Metres{900});
    heard.tell(full);
    auto fresh = full;
    fresh.measured = at_ms(-static_cast<std::int64_t>(maker.rng().below(50'000'000)) + 1'000'000).utc;
    fresh.position = *Position::from_e7(maker.rng().between(-900'000'000, 900'000'000),
                                        maker.rng().between(-1'800'000'000, 1'799'999'999));
    const Metres height{static_cast<double>(maker.rng().between(-99'900, 1'538'200)) / 100};
    if (fresh.height) fresh.height = EllipsoidHeight(height);
    if (fresh.pressure_altitude) fresh.pressure_altitude = PressureAltitude(height);
    fresh.speed = maker.rng().chance(0.1) ? std::nullopt : std::optional(MetresPerSecond{maker.rng().unit() * 340});
    fresh.course = TrueBearing::from_degrees(maker.rng().unit() * 360);
    fresh.on_ground = maker.rng().chance(0.5);
    const auto got = heard.there(fresh);
    CHECK(heard.bytes.size() == 1 + short_position_bytes);
    CHECK(distance_between(got.position, fresh.position).value <= 0.9);  // 0.6 m each way
    CHECK(got.measured <= fresh.measured);
    CHECK(fresh.measured - got.measured < Milliseconds(1'000));
    CHECK(got.height.has_value() == fresh.height.has_value());
    CHECK(got.pressure_altitude.has_value() == fresh.pressure_altitude.has_value());
    if (got.height) CHECK(std::abs((*got.height - *fresh.height).value) <= 0.51);
    CHECK(got.speed.has_value() == fresh.speed.has_value());
    if (got.speed) CHECK(std::abs(got.speed->value - fresh.speed->value) <= std::max(0.26, fresh.speed->value * 0.021));
    const auto turn = std::abs(got.course->degrees() - fresh.course->degrees());
    CHECK(std::min(turn, 360 - turn) <= 0.73);
    CHECK(got.on_ground == fresh.on_ground);
    CHECK(got.callsign == "RESCUE 1");
    CHECK(key_of(got) == key_of(fresh));
  }
}

TEST_CASE("what a short position cannot say goes in full") {
  Heard heard;
  const auto known = helicopter();
  const auto goes_in_full = [&](auto change) {
    heard.tell(known);
    auto fresh = known;
    fresh.measured += Milliseconds(4'000);
    change(fresh);
    CHECK(model::encode(heard.there(fresh)) == model::encode(fresh));
    CHECK(heard.bytes.size() > 1 + short_position_bytes);
  };
  goes_in_full([](auto& o) { o.callsign = "RESCUE 2"; });
  goes_in_full([](auto& o) { o.emergency = "general"; });
  goes_in_full([](auto& o) { o.battery_percent = 49; });
  goes_in_full([](auto& o) { o.ended = true; });
  goes_in_full([](auto& o) { o.horizontal_error_95 = Metres{9}; });
  goes_in_full([](auto& o) { o.height.reset(); });
  goes_in_full([](auto& o) { o.height = EllipsoidHeight(Metres{20'000}); });
  goes_in_full([](auto& o) { o.speed = MetresPerSecond{900}; });
  goes_in_full([](auto& o) { o.measured -= Milliseconds(17 * 3'600'000); });
  goes_in_full([](auto& o) { o.measured += Milliseconds(3'600'000); });
  heard.told.clear();  // never told at all
  CHECK(model::encode(heard.there(known)) == model::encode(known));
}

TEST_CASE("a position of something unknown, or of two at once, is asked about") {
  Heard heard;
  const auto known = helicopter();
  auto fresh = known;
  fresh.measured += Milliseconds(4'000);
  heard.tell(known);
  heard.known.clear();
  const auto lost = heard.send(fresh);
  CHECK(lost.unknown_tags == std::vector<std::uint16_t>{tag_of(known)});
  CHECK(std::get<LastValues>(std::get<Message>(lost.message)).observations.empty());
  heard.known = {model::encode(known), model::encode(known)};
  CHECK(heard.send(fresh).unknown_tags.size() == 1);
  // The receiver's own has another call sign by now: not the one that was meant.
  auto renamed = known;
  renamed.callsign = "RESCUE 9";
  heard.known = {model::encode(renamed)};
  CHECK(heard.send(fresh).unknown_tags.size() == 1);
}

TEST_CASE("positions in full and in short form travel together") {
  Heard heard;
  const auto known = helicopter();
  heard.tell(known);
  auto fresh = known;
  fresh.measured += Milliseconds(4'000);
  auto other = known;
  other.subject = model::external_name("icao", "4d2024");
  const auto bytes =
      encode_compact(LastValues{{model::encode(fresh), model::encode(other), model::encode(fresh)}}, heard.two.context);
  const auto read = decode_compact(bytes, heard.two.context);
  REQUIRE(read);
  CHECK(std::get<LastValues>(std::get<Message>(read->message)).observations.size() == 3);
}

TEST_CASE("clocks half an hour apart still agree on the day of a position") {
  Heard heard;
  heard.tell(helicopter());
  for (const std::int64_t apart_ms : {-1'800'000LL, 1'800'000LL}) {
    for (const std::int64_t age_ms : {-1'000'000LL, 0LL, 40'000'000LL, 57'000'000LL}) {
      auto fresh = helicopter();
      fresh.measured = at_ms(-age_ms).utc;
      heard.two.context.now = at_ms(0).utc;
      const auto bytes = encode_compact(LastValues{{model::encode(fresh)}}, heard.two.context);
      REQUIRE(bytes.size() == 1 + short_position_bytes);
      heard.two.context.now = at_ms(apart_ms).utc;
      const auto read = decode_compact(bytes, heard.two.context);
      const auto& got = std::get<LastValues>(std::get<Message>(read->message)).observations;
      CHECK(fresh.measured - model::decode_observation(got.at(0))->measured < Milliseconds(1'000));
    }
  }
}
