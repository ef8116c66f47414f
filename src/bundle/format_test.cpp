// What happens to a file on its way.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/hash.hpp"
#include "bundle/test_bundle.hpp"
#include "model/cbor.hpp"
#include "sync/frame.hpp"

using namespace airbridge;
using namespace airbridge::bundle;
using namespace airbridge::bundle::test;
using model::Class;

namespace {

void put_u32(Bytes& out, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

// A chunk as an enemy writes it: its own numbers, right checksums.
Bytes chunk_of(std::uint8_t kind, std::uint8_t flags, std::uint32_t plain_bytes, ByteView content,
               std::optional<std::uint32_t> stored = std::nullopt) {
  Bytes out(chunk_head_bytes, 0);
  std::copy_n("ABCK", 4, out.begin());
  out[4] = kind;
  out[5] = flags;
  put_u32(out, 8, 1);
  put_u32(out, 12, stored.value_or(static_cast<std::uint32_t>(content.size())));
  put_u32(out, 16, plain_bytes);
  put_u32(out, 20, crc32c(content));
  put_u32(out, 24, crc32c(ByteView(out).first(24)));
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

Bytes joined(std::initializer_list<ByteView> parts) {
  Bytes out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes start_of_file(const Site& site) { return Source(site.log, site.head(), 0, site.sign()).next().bytes; }

Bytes large_file() {
  Site a(1);
  a.write(Class::Urgent, 4, 100);
  a.write(Class::Routine, 900, 1000);
  return write(a)[0];
}

}  // namespace

TEST_CASE("a file that was cut gives what stands before the cut, and says so") {
  const auto file = large_file();
  std::uint64_t least = 0;
  for (const double part : {0.3, 0.6, 0.95}) {
    CAPTURE(part);
    Site b(2);
    const auto reading =
        read(b, ByteView(file).first(static_cast<std::size_t>(static_cast<double>(file.size()) * part)));
    CHECK(reading.tally.events_new >= least);
    CHECK(reading.tally.events_new < 904);
    CHECK(reading.tally.new_by_class[0] == 4);
    REQUIRE(reading.damages.size() == 1);
    CHECK(reading.damages[0].what.find("cut") != std::string::npos);
    CHECK_FALSE(reading.end);
    least = reading.tally.events_new;
    CHECK(read(b, file).tally.events_new + least == 904);
  }
  CHECK(least > 100);
}

TEST_CASE("every single flipped byte is found, and costs no more than its chunk and what hangs on it") {
  Site a(1);
  a.write(Class::Urgent, 2, 30);
  a.write(Class::Routine, 5, 30);
  const auto file = write(a)[0];
  for (std::size_t i = 0; i < file.size(); ++i) {
    CAPTURE(i);
    auto torn = file;
    torn[i] ^= 0x41;
    Site b(2);
    const auto reading = read(b, torn);
    CHECK((reading.damages.size() + reading.refusal.size()) > 0);
    const auto brought = reading.tally.events_new;
    CHECK(brought == (i < file_start_bytes ? 0 : brought == 2 || brought == 5 ? brought : 7));
  }
}

TEST_CASE("after a damaged chunk reading goes on with the next") {
  Site a(1);
  std::vector<Site> others;
  for (std::uint8_t n = 10; n < 16; ++n) {
    others.emplace_back(n);
    others.back().write(Class::Routine, 150, 1900, n);
    a.log.add_key(others.back().key.public_key());
    for (const auto& run : others.back().log.runs_after({{others.back().key.id(), 1}, Class::Routine, {}}, 0, 1 << 30))
      a.log.append(run);
  }
  auto file = write(a)[0];
  const auto whole = [&] {
    Site b(2);
    return read(b, file).tally.events_new;
  }();
  CHECK(whole == 900);
  file[file.size() / 2] ^= 1;
  Site b(2);
  const auto reading = read(b, file);
  CHECK(reading.damages.size() == 1);
  CHECK(reading.end);
  CHECK(reading.tally.events_new > 300);
  CHECK(reading.tally.events_new < 900);
  CHECK(reading.tally.gaps.size() >= 1);
}

TEST_CASE("what is no bundle, or of a later format, is said to be that") {
  Site b(2);
  CHECK(read(b, as_bytes("PK\x03\x04 something else entirely")).refusal.find("no Airbridge bundle") !=
        std::string::npos);
  CHECK(read(b, {}).refusal.find("no Airbridge bundle") != std::string::npos);
  auto file = large_file();
  file[7] = 2;
  CHECK(read(b, file).refusal.find("update Airbridge") != std::string::npos);
  CHECK(b.log.vector().empty());
}

TEST_CASE("chunks of a later version are passed over, or named when they cannot be") {
  Site a(1), b(2);
  a.write(Class::Urgent, 2);
  auto file = write(a)[0];
  const auto start_of = start_of_file(a);
  const auto strange = joined({start_of, chunk_of(9, 0, 3, as_bytes("abc")), ByteView(file).subspan(start_of.size())});
  const auto passed = read(b, strange);
  CHECK(passed.damages.empty());
  const auto flagged = joined({start_of, chunk_of(2, 2, 3, as_bytes("abc"))});
  const auto named = read(b, flagged);
  REQUIRE_FALSE(named.damages.empty());
  CHECK(named.damages[0].what.find("update Airbridge") != std::string::npos);
}

TEST_CASE("a bomb opens to no more than it said, and what says too much is not opened") {
  Site a(1), b(2);
  const auto start_of = begin_file(a.head(), a.sign());
  // 2 MiB of zeros pack into a few hundred bytes.
  const auto bomb = frames_chunk(1, Bytes(chunk_plain_max, 0));
  CHECK(bomb.size() < 1000);
  const auto content = ByteView(bomb).subspan(chunk_head_bytes);
  const struct {
    std::uint32_t plain;
    const char* words;
  } rows[] = {{1024, "does not unpack"}, {chunk_plain_max - 1, "does not unpack"}, {10'485'760, "at most"}};
  for (const auto& row : rows) {
    CAPTURE(row.plain);
    const auto reading = read(b, joined({start_of, chunk_of(2, 1, row.plain, content)}));
    REQUIRE_FALSE(reading.damages.empty());
    CHECK(reading.damages[0].what.find(row.words) != std::string::npos);
  }
  const auto long_one = read(b, joined({start_of, chunk_of(2, 0, 5, as_bytes("abcde"), 0xFFFFFFFF)}));
  CHECK(long_one.damages[0].what.find("at most") != std::string::npos);
}

TEST_CASE("a file of nothing but heads of chunks is given up after so much damage") {
  Site a(1), b(2);
  auto file = begin_file(a.head(), a.sign());
  for (int i = 0; i < 2000; ++i) {
    const auto chunk = chunk_of(2, 0, 100, {}, 100);
    file.insert(file.end(), chunk.begin(), chunk.end());
  }
  const auto reading = read(b, file);
  CHECK(reading.damages.size() == damages_max);
  CHECK(reading.damages.back().what.find("rest of the file is not read") != std::string::npos);
}

TEST_CASE("a head that was changed is not its writer's any more; events speak for themselves") {
  Site a(1), liar(9), b(2);
  a.write(Class::Urgent, 2);
  auto head = a.head();
  Source source(a.log, head, 0, liar.sign());
  Bytes file;
  for (auto piece = source.next();; piece = source.next()) {
    file.insert(file.end(), piece.bytes.begin(), piece.bytes.end());
    if (piece.ends_all) break;
  }
  const auto reading = read(b, file);
  REQUIRE(reading.head);
  CHECK_FALSE(reading.head->is_signed);
  CHECK(reading.tally.events_new == 2);
}

TEST_CASE("a head that asks for too many private parts, or in no right form, is not read") {
  const auto head_with = [](const std::function<void(model::cbor::Writer&)>& lacks) {
    Bytes map;
    model::cbor::Writer out(map);
    out.map(1);
    out.uint(11);
    lacks(out);
    map.insert(map.end(), model::Signature::size, 0);
    auto chunk = chunk_of(1, 0, static_cast<std::uint32_t>(map.size()), map);
    put_u32(chunk, 8, 0);
    put_u32(chunk, 24, crc32c(ByteView(chunk).first(24)));
    Reader reader;
    reader.feed(joined({as_bytes("AIRBNDL\x01"), chunk}));
    reader.finish();
    return reader.next();
  };
  const auto events = [](model::cbor::Writer& out, std::size_t count, std::uint64_t cls = 1) {
    out.array(3 + count);
    out.bytes(Bytes(16, 7));
    out.uint(9);
    out.uint(cls);
    for (std::size_t i = 1; i <= count; ++i) out.uint(i);
  };
  const auto read = head_with([&](auto& out) {
    out.array(2);
    events(out, lacks_max - 5, 0);
    events(out, 5);
  });
  REQUIRE(read);
  REQUIRE(std::holds_alternative<Head>(*read));
  CHECK(std::get<Head>(*read).lacks.size() == lacks_max);
  CHECK(std::get<Head>(*read).lacks.back().seq == 5);
  const std::function<void(model::cbor::Writer&)> bad[] = {
      [&](auto& out) { out.array(1), events(out, lacks_max + 1); },
      [&](auto& out) { out.array(2), events(out, lacks_max), events(out, 1, 0); },
      [&](auto& out) { out.array(1), events(out, 1, 3); },
      [&](auto& out) { out.array(1), out.array(2), out.bytes(Bytes(16, 7)), out.uint(9); },
      [&](auto& out) { out.array(std::size_t{1} << 40); },
      [&](auto& out) { out.array(1), out.array(std::size_t{1} << 40); },
      [&](auto& out) { out.uint(3); },
  };
  for (const auto& lacks : bad) {
    const auto item = head_with(lacks);
    REQUIRE(item);
    CHECK(std::holds_alternative<Damage>(*item));
  }
}

TEST_CASE("events of another incident, forged, damaged or oversized ones are refused by name, and the others taken") {
  Site a(1), b(2);
  model::IncidentId other;
  other.value.fill(0x77);
  Site stranger(5, other);
  stranger.write(Class::Urgent, 3);
  a.write(Class::Urgent, 2);
  const model::StreamId theirs{{stranger.key.id(), 1}, Class::Urgent, {}};
  const model::StreamId ours{{a.key.id(), 1}, Class::Urgent, {}};
  const auto frames_of = [](const Site& site, const model::StreamId& stream) {
    Bytes out = sync::encode(sync::Keys{{site.key.public_key()}});
    for (const auto& run : site.log.runs_after(stream, 0, 1 << 20)) {
      const auto frame = sync::encode_run(stream, run.entries, &run.seal, true);
      out.insert(out.end(), frame.begin(), frame.end());
    }
    return out;
  };
  const auto start_of = begin_file(a.head(), a.sign());
  const auto good = frames_chunk(2, frames_of(a, ours));

  const auto foreign = read(b, joined({start_of, frames_chunk(1, frames_of(stranger, theirs)), good}));
  CHECK(foreign.tally.events_new == 2);
  CHECK(foreign.tally.refused.contains(std::string(name_of(sync::Reason::BadSeal))));

  Site c(3);
  auto run = a.log.runs_after(ours, 0, 1 << 20).front();
  run.entries.front().public_part.assign(10, 0xEE);
  const auto changed = sync::encode_run(ours, run.entries, &run.seal, true);
  const auto keys = sync::encode(sync::Keys{{a.key.public_key()}});
  const auto forged = read(c, joined({start_of, frames_chunk(1, joined({keys, changed})), good}));
  CHECK(forged.tally.events_new == 2);
  CHECK(forged.tally.refused.contains(std::string(name_of(sync::Reason::WrongChain))));

  Site d(4);
  auto huge = a.log.runs_after(ours, 0, 1 << 20).front();
  huge.entries.front().public_part.assign(700'000, 1);
  const auto oversized = sync::encode_run(ours, huge.entries, &huge.seal, true);
  const auto large = read(d, joined({start_of, frames_chunk(1, oversized), good}));
  CHECK(large.tally.events_new == 2);
  CHECK(large.tally.refused.contains(std::string(name_of(sync::Reason::Oversized))));

  Site e(6);
  const auto unknown = read(e, joined({start_of, frames_chunk(1, changed)}));
  CHECK(unknown.tally.refused.contains(std::string(name_of(sync::Reason::UnknownAuthor))));
}

TEST_CASE("a message that says goodbye, greets or tells positions means nothing in a file") {
  Site a(1), b(2);
  a.write(Class::Urgent, 1);
  const auto start_of = start_of_file(a);
  const auto odd = joined({sync::encode(sync::Bye{sync::Parting::Stopping, "bye"}),
                           sync::encode(sync::Hello{1, incident, a.key.id(), "x", 1, {}, 0}),
                           sync::encode(sync::LastValues{{Bytes{0xA0}}}), sync::encode(sync::AskVector{})});
  const auto whole = write(a)[0];
  const auto reading = read(b, joined({start_of, frames_chunk(1, odd), ByteView(whole).subspan(start_of.size())}));
  CHECK(reading.stopped.empty());
  CHECK(reading.tally.unknown_messages == 4);
  CHECK(reading.tally.events_new == 1);
}

TEST_CASE("the bytes of a bundle stay what docs/protocol/bundle.md shows") {
  Site a(1);
  a.write(Class::Urgent, 1, 5);
  a.write(Class::Routine, 2, 5);
  const auto file = write(a)[0];
  const std::string path = AIRBRIDGE_TEST_DATA "/../golden/bundle/bundle.txt";
  std::string text;
  for (std::size_t at = 0; at < file.size(); at += 32)
    text += to_hex(ByteView(file).subspan(at, std::min<std::size_t>(32, file.size() - at))) + "\n";
  if (std::getenv("AIRBRIDGE_WRITE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::stringstream golden;
  golden << in.rdbuf();
  // Packing may differ between versions of zstd: what was written then is read for ever.
  std::string hex;
  for (const char c : golden.str())
    if (c != '\n') hex += c;
  const auto bytes = from_hex(hex);
  REQUIRE(bytes);
  Site b(2);
  const auto reading = read(b, *bytes);
  CHECK(reading.tally.events_new == 3);
  CHECK(reading.head->is_signed);
  CHECK(reading.head->id == a.head().id);
  CHECK(reading.end->events == 3);
  CHECK(reading.damages.empty());
  if (golden.str() != text) MESSAGE("this zstd packs otherwise than the one that wrote the golden file");
}
