// Every node of a fleet checks every seal, so one process checks each up to twenty times. Whether a signature stands,
// or a key is one, is a function of its bytes alone: here the answer is kept, and the whole text is part of the
// question. Only this program is linked so (--wrap in CMakeLists.txt); no node remembers what it checked.
#include <sodium.h>

#include <array>
#include <cstring>
#include <unordered_map>

#include "base/hash.hpp"

namespace {
constexpr std::size_t answers_max = 1U << 18;  // then from the beginning again

using Question = std::array<std::uint8_t, 32>;

struct FirstBytes {
  std::size_t operator()(const Question& hash) const {
    std::size_t out = 0;
    std::memcpy(&out, hash.data(), sizeof out);
    return out;
  }
};

std::unordered_map<Question, int, FirstBytes> answers;

Question question_of(const unsigned char* signature, const unsigned char* text, unsigned long long size,
                     const unsigned char* key) {
  return airbridge::blake2b<32>({airbridge::ByteView(signature, crypto_sign_ed25519_BYTES),
                                 airbridge::ByteView(key, crypto_sign_ed25519_PUBLICKEYBYTES),
                                 airbridge::ByteView(text, size)});
}

void keep(const Question& question, int answer) {
  if (answers.size() >= answers_max) answers.clear();
  answers[question] = answer;
}
}  // namespace

extern "C" {
int real_is_valid(const unsigned char* point) asm("__real_crypto_core_ed25519_is_valid_point");
int is_valid_once(const unsigned char* point) asm("__wrap_crypto_core_ed25519_is_valid_point");
int real_sign(unsigned char* signature, unsigned long long* signature_size, const unsigned char* text,
              unsigned long long size, const unsigned char* secret) asm("__real_crypto_sign_ed25519_detached");
int sign_and_keep(unsigned char* signature, unsigned long long* signature_size, const unsigned char* text,
                  unsigned long long size, const unsigned char* secret) asm("__wrap_crypto_sign_ed25519_detached");
int real_verify(const unsigned char* signature, const unsigned char* text, unsigned long long size,
                const unsigned char* key) asm("__real_crypto_sign_ed25519_verify_detached");
int verify_once(const unsigned char* signature, const unsigned char* text, unsigned long long size,
                const unsigned char* key) asm("__wrap_crypto_sign_ed25519_verify_detached");

// The point is the question itself.
int is_valid_once(const unsigned char* point) {
  static std::unordered_map<Question, int, FirstBytes> points;
  Question question;
  std::memcpy(question.data(), point, question.size());
  if (const auto known = points.find(question); known != points.end()) return known->second;
  if (points.size() >= answers_max) points.clear();
  return points[question] = real_is_valid(point);
}

// What was signed here stands by the key whose secret signed it: libsodium keeps the public key behind the seed.
int sign_and_keep(unsigned char* signature, unsigned long long* signature_size, const unsigned char* text,
                  unsigned long long size, const unsigned char* secret) {
  const int done = real_sign(signature, signature_size, text, size, secret);
  if (done == 0) keep(question_of(signature, text, size, secret + crypto_sign_ed25519_SEEDBYTES), 0);
  return done;
}

int verify_once(const unsigned char* signature, const unsigned char* text, unsigned long long size,
                const unsigned char* key) {
  const auto question = question_of(signature, text, size, key);
  if (const auto known = answers.find(question); known != answers.end()) return known->second;
  const int answer = real_verify(signature, text, size, key);
  keep(question, answer);
  return answer;
}
}
