#include "bearer/ccm.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::bearer;

namespace {
// Vectors 458 to 462 (key of 256 bits, nonce of 96, tag of 64) of testvectors_v1/aes_ccm_test.json of Project
// Wycheproof (C2SP/wycheproof, Apache-2.0).
const struct {
  const char *key, *nonce, *associated, *plain, *cipher, *tag;
} vectors[] = {
    {"7160434720504dce28845625a3423166d9b5025d975c6ee47299bb5bd677dbeb", "0296c95b44c17463434c7e19",
     "19082bf57b6c4130eac58c0526a044ee", "c66a48615b62d2d85ea82ee4d528a03a", "8934ea7afb44fdca4027ed9bbb247358",
     "b333f0e1383cf3e8"},
    {"1dd5a092949b67635db0c48a03740da806dbe97aad5b8412300d685cecfe8407", "3f9ea39362c8d8e492ea8b41", "",
     "84408d8bccb4288e622bf7c631401d9908", "4f19d27e0a40e4835ebc3b89ce8b51941b", "44d9e50dca915c2e"},
    {"47f664e6790f3e25bc410d847f38662f045f0aa3641429edf8099f4b4df32f06", "f092a357b5ef0c975ee169c4",
     "338b4cc60ec151fa283c1cb10e722d9d", "b01dfe724166a2bc98cbb96cf540028a0e", "d7746f186aabfa36685481ec8a7f0022e8",
     "41158292a1d87cfd"},
    {"a47abe6e867fbc16c46a6fd7f10b77929baa129369c898d25265b0170056f9d0", "650b12687ca85a50e6509884", "",
     "200914571dd03827f07c2bd9382e7d19d62f1ea4a7c7269d86733e43e45a4d",
     "bc2314a589dbdd95b358cdad30b15e867dcd8dbde428b47e390ac43762f634", "881fa5fecb514ccf"},
    {"110480ea9c9f4c5e6b5be01a2aafc861d1370c243aff9faafd0a92a9d18e5845", "0e5cf683e13204cf91a2d4b6",
     "c490a5fa19b97c3e3adf20bc4df51140", "c92ec3d6a2c2fa19c45be7107a48a9ea0fe46a92978b5dabb3f94b457b5fbd",
     "bb5110dd12bd3d12144c8de55b3b2677fc7084d56afcc6a76a5228fff8dbd3", "e39b0d1174f7609b"},
};
template <std::size_t N>
std::array<std::uint8_t, N> fixed(const char* hex) {
  std::array<std::uint8_t, N> out;
  const auto bytes = from_hex(hex);
  REQUIRE(bytes);
  REQUIRE(bytes->size() == N);
  std::copy(bytes->begin(), bytes->end(), out.begin());
  return out;
}
}  // namespace

TEST_CASE("AEAD_AES_256_CCM_8 gives what published vectors say, and refuses every flipped bit of them") {
  for (const auto& row : vectors) {
    CAPTURE(row.nonce);
    Ccm ccm(fixed<32>(row.key));
    const auto nonce = fixed<12>(row.nonce);
    const auto associated = *from_hex(row.associated), plain = *from_hex(row.plain);
    Bytes sealed;
    ccm.seal(nonce, associated, plain, sealed);
    CHECK(to_hex(sealed) == std::string(row.cipher) + row.tag);
    Bytes opened;
    CHECK(ccm.open(nonce, associated, sealed, opened));
    CHECK(opened == plain);
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      auto bad = sealed;
      bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1U << (bit % 8));
      CHECK_FALSE(ccm.open(nonce, associated, bad, opened));
      CHECK(opened.empty());
    }
    if (!associated.empty()) {
      auto bad = associated;
      bad[0] ^= 1;
      CHECK_FALSE(ccm.open(nonce, bad, sealed, opened));
    }
    auto other = nonce;
    other[11] ^= 1;
    CHECK_FALSE(ccm.open(other, associated, sealed, opened));
  }
}

TEST_CASE("a tag over associated data alone is checked too") {
  Ccm ccm({});
  Bytes sealed;
  ccm.seal({}, as_bytes("in clear"), {}, sealed);
  CHECK(sealed.size() == Ccm::tag_size);
  Bytes opened;
  CHECK(ccm.open({}, as_bytes("in clear"), sealed, opened));
  CHECK_FALSE(ccm.open({}, as_bytes("in cleaR"), sealed, opened));
  sealed[7] ^= 0x80;
  CHECK_FALSE(ccm.open({}, as_bytes("in clear"), sealed, opened));
  CHECK_FALSE(ccm.open({}, as_bytes("in clear"), {}, opened));
}
