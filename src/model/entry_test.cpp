#include "model/entry.hpp"

#include <doctest/doctest.h>

#include "base/hash.hpp"
#include "model/cbor.hpp"
#include "model/test_events.hpp"

using namespace airbridge;
using namespace airbridge::model;

namespace {
template <class T, class Decode>
auto reencoder(Decode decode) {
  return [decode](const Bytes& in) -> std::optional<Bytes> {
    const auto read = decode(ByteView(in));
    if (!read) return std::nullopt;
    return encode(*read);
  };
}

Genesis some_genesis(test::Maker& maker) {
  Genesis genesis;
  genesis.name = maker.text(20);
  genesis.exercise = maker.rng().chance(0.5);
  genesis.policy_version = static_cast<std::uint32_t>(maker.number());
  genesis.created = utc_from_ms(maker.integer());
  genesis.salt = maker.fixed<Hash>();
  for (auto n = 1 + maker.rng().below(3); n > 0; --n) genesis.authorities.push_back(maker.fixed<PublicKey>());
  genesis.signature = maker.fixed<Signature>();
  return genesis;
}
}  // namespace

TEST_CASE("an entry comes back as it was, and has one encoding") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    const auto entry = maker.entry();
    const auto back = decode_entry(encode(entry));
    REQUIRE(back);
    CHECK(*back == entry);
    test::check_one_encoding(encode(entry), reencoder<Entry>(decode_entry));
  }
}

TEST_CASE("a seal comes back as it was, and has one encoding") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    const Seal seal{maker.stream(), std::max<std::uint64_t>(maker.number(), 1000), maker.fixed<Hash>(),
                    maker.fixed<Signature>()};
    const auto back = decode_seal(encode(seal));
    REQUIRE(back);
    CHECK(*back == seal);
    test::check_one_encoding(encode(seal), reencoder<Seal>(decode_seal));
  }
}

TEST_CASE("a genesis comes back as it was, has one encoding, and its hash is the incident") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    test::Maker maker(seed);
    const auto genesis = some_genesis(maker);
    const auto back = decode_genesis(encode(genesis));
    REQUIRE(back);
    CHECK(*back == genesis);
    CHECK(incident_of(*back) == incident_of(genesis));
    test::check_one_encoding(encode(genesis), reencoder<Genesis>(decode_genesis));
    auto renamed = genesis;
    renamed.exercise = !genesis.exercise;
    CHECK(incident_of(renamed) != incident_of(genesis));
  }
}

TEST_CASE("a genesis without authorities, or with one twice, is refused") {
  test::Maker maker(1);
  auto genesis = some_genesis(maker);
  genesis.authorities.resize(1);
  genesis.authorities.push_back(genesis.authorities.front());
  CHECK(decode_genesis(encode(genesis)).error().fault == DecodeFault::NotCanonical);
  genesis.authorities.clear();
  CHECK(decode_genesis(encode(genesis)).error().fault == DecodeFault::OutOfRange);
  for (std::size_t i = 0; i <= authorities_max; ++i) genesis.authorities.push_back(maker.fixed<PublicKey>());
  CHECK(decode_genesis(encode(genesis)).error().fault == DecodeFault::TooLong);
  genesis.authorities.resize(1);
  genesis.name.assign(incident_name_max + 1, 'x');
  CHECK(decode_genesis(encode(genesis)).error().fault == DecodeFault::TooLong);
}

TEST_CASE("an entry with two readings is refused") {
  test::Maker maker(2);
  auto entry = maker.entry();
  entry.stream.branch = {};
  const auto fault = [&] { return decode_entry(encode(entry)).error().fault; };
  // A withheld part whose hash stands for "no private part".
  entry.private_part = PrivatePart::withheld({});
  CHECK(fault() == DecodeFault::OutOfRange);
  entry.private_part = {};
  entry.seq = 0;
  CHECK(fault() == DecodeFault::OutOfRange);
  entry.seq = 6;
  entry.stream.branch.from = 7;  // before its own branch began
  CHECK(fault() == DecodeFault::OutOfRange);
  entry.stream.branch.from = 6;
  CHECK(decode_entry(encode(entry)));
}

TEST_CASE("public and private part together hold 64 KiB, and not a byte more") {
  Entry entry;
  entry.seq = 1;
  entry.public_part.resize(event_bytes_max / 2);
  entry.private_part = PrivatePart::here(Bytes(event_bytes_max / 2));
  CHECK(decode_entry(encode(entry)));
  entry.public_part.push_back(0);
  CHECK(decode_entry(encode(entry)).error().fault == DecodeFault::TooLong);
}

TEST_CASE("the chain depends on everything it hashes, and not on where the private part is") {
  test::Maker maker(3);
  auto entry = maker.entry();
  entry.stream.branch = {};
  entry.private_part = PrivatePart::here({1, 2, 3});
  const auto incident = maker.fixed<IncidentId>();
  const auto before = chain_start(incident, entry.stream);
  const auto head = chain_next(before, entry);

  auto other = entry;
  other.private_part = PrivatePart::withheld(entry.private_part.hash);
  CHECK(chain_next(before, other) == head);
  other.private_part = {};
  CHECK(chain_next(before, other) != head);
  other = entry;
  ++other.seq;
  CHECK(chain_next(before, other) != head);
  other = entry;
  other.public_part.push_back(0);
  CHECK(chain_next(before, other) != head);
  other = entry;
  ++other.stream.writer.incarnation;
  CHECK(chain_start(incident, other.stream) != before);
  CHECK(chain_next(chain_start(incident, other.stream), other) != head);
  CHECK(chain_start(maker.fixed<IncidentId>(), entry.stream) != before);
  // A branch is chained as the stream it branches from.
  other = entry;
  other.stream.branch = {entry.seq, {1}};
  CHECK(chain_next(before, other) == head);
}
