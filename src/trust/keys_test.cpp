#include "trust/keys.hpp"

#include <doctest/doctest.h>

#include "trust/test_world.hpp"

using namespace airbridge;
using namespace airbridge::trust;

TEST_CASE("Ed25519 gives the signature of RFC 8032, section 7.1, test 1") {
  REQUIRE(start());
  const auto seed = SigningKey::Seed::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
  const auto key = SigningKey::from_seed(*seed);
  CHECK(key.public_key().hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto signature = key.sign({});
  CHECK(
      signature.hex() ==
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
      "655141438e7a100b");
  CHECK(verify(key.public_key(), {}, signature));
  CHECK_FALSE(verify(key.public_key(), as_bytes("x"), signature));
}

TEST_CASE("keys from the system differ, and a seed gives its key again") {
  REQUIRE(start());
  const auto a = SigningKey::generate(), b = SigningKey::generate();
  CHECK(a.public_key() != b.public_key());
  CHECK(SigningKey::from_seed(a.seed()).public_key() == a.public_key());
  CHECK(a.id() == model::key_id_of(a.public_key()));
  CHECK(random_u32() != 0);
}

TEST_CASE("keys of small order or off the curve are not usable") {
  REQUIRE(start());
  CHECK(is_usable(SigningKey::generate().public_key()));
  for (const std::string_view bad : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "0000000000000000000000000000000000000000000000000000000000000080",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
           "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
           "0200000000000000000000000000000000000000000000000000000000000000",  // not on the curve
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  // 1, not reduced
       }) {
    CAPTURE(bad);
    CHECK_FALSE(is_usable(*model::PublicKey::from_hex(bad)));
  }
  // RFC 7748 keys of small order.
  for (const std::string_view bad : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
       }) {
    CAPTURE(bad);
    CHECK_FALSE(is_usable_box(*model::PublicKey::from_hex(bad)));
  }
  CHECK(is_usable_box(*model::PublicKey::from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")));
}

TEST_CASE("a seal holds for its incident, stream, place and head only") {
  const test::World world;
  const model::StreamId stream{{world.post.id(), 7}, model::Class::Important, {}};
  const auto seal = make_seal(world.post, world.incident, stream, 5, test::filled<model::Hash>(1));
  const auto& key = world.post.public_key();
  CHECK(verify_seal(key, world.incident, seal));
  CHECK_FALSE(verify_seal(world.truck.public_key(), world.incident, seal));
  CHECK_FALSE(verify_seal(key, test::filled<model::IncidentId>(1), seal));
  auto other = seal;
  other.seq = 6;
  CHECK_FALSE(verify_seal(key, world.incident, other));
  other = seal;
  other.stream.cls = model::Class::Urgent;
  CHECK_FALSE(verify_seal(key, world.incident, other));
  other = seal;
  other.stream.writer.incarnation = 8;
  CHECK_FALSE(verify_seal(key, world.incident, other));
  other = seal;
  other.head.value[31] ^= 1;
  CHECK_FALSE(verify_seal(key, world.incident, other));
  other = seal;
  other.signature.value[0] ^= 1;
  CHECK_FALSE(verify_seal(key, world.incident, other));
}

TEST_CASE("a genesis is signed by its first authority and names usable keys") {
  const auto key = test::key_of_seed(1);
  const auto genesis = make_genesis(key, std::string(300, 'x'), true, test::at(0));
  CHECK(verify_genesis(genesis));
  CHECK(genesis.name.size() == model::incident_name_max);
  CHECK(model::decode_genesis(model::encode(genesis)) == genesis);
  CHECK(model::incident_of(genesis) != model::incident_of(make_genesis(key, genesis.name, true, test::at(0))));
  auto other = genesis;
  other.exercise = false;
  CHECK_FALSE(verify_genesis(other));
  other = genesis;
  other.authorities.insert(other.authorities.begin(), test::key_of_seed(2).public_key());
  CHECK_FALSE(verify_genesis(other));
  other = genesis;
  other.authorities.clear();
  CHECK_FALSE(verify_genesis(other));
  other = genesis;
  other.authorities.push_back({});  // of small order
  other.signature = key.sign(model::genesis_text(other));
  CHECK_FALSE(verify_genesis(other));
}
