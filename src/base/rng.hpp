#pragma once
// Seeded randomness for simulations, jitter and tests. Never for keys: those come from the OS generator
// (trust/keys.hpp).
#include <cstdint>
#include <limits>
#include <span>

namespace airbridge {

// xoshiro256** of Blackman and Vigna (2018), seeded through splitmix64. Meets UniformRandomBitGenerator.
class Rng {
 public:
  using result_type = std::uint64_t;
  __extension__ using Wide = unsigned __int128;
  explicit Rng(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9E3779B97F4A7C15U;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
      word = z ^ (z >> 31);
    }
  }
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() {
    const auto rotl = [](std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); };
    const std::uint64_t out = rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return out;
  }
  // In [0, limit); limit > 0. The bias of 2^-64 * limit does not matter to a simulation.
  std::uint64_t below(std::uint64_t limit) {
    return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * limit) >> 64);
  }
  // In [low, high], both included.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  double unit() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }  // in [0, 1)
  bool chance(double probability) { return unit() < probability; }
  void fill(std::span<std::uint8_t> out) {
    for (auto& byte : out) byte = static_cast<std::uint8_t>((*this)() >> 56);
  }
  // A generator of its own stream, so that adding a draw in one place moves nothing elsewhere.
  Rng fork() { return Rng((*this)()); }

 private:
  std::uint64_t state_[4];
};

}  // namespace airbridge
