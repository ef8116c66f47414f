#pragma once
// The Squeezer that ships: zstd with a dictionary of ours (docs/protocol/compact.md, "Compressed blocks").
//
//   byte 0   bits 0 to 2: number of the dictionary; bit 3: one zstd block without header (RFC 8878 section 3.1.1.2) is
//            what follows, else a frame without magic number; bit 4: dense parts are kept apart; others 0
//   then     with bit 4: length of all dense parts, the dense parts
//   then     zstd of the block, or with bit 4 of: for each message length of its plain part, length of its dense part,
//            plain part
//
// Lengths are LEB128. The dense part of a message, its last bytes, looks random (signatures, ciphertexts, times); among
// texts it would only spoil their code.
//
// The dictionaries are in src/bearer/dictionaries. A published one never changes: both sides must have the same.
#include <functional>
#include <memory>
#include <span>

#include "bearer/squeezer.hpp"

namespace airbridge::bearer {

inline constexpr std::size_t squeezed_block_max = 256 * 1024;  // a longer block is not compressed, nor unfolded
inline constexpr int newest_dictionary = 1;

// Holds its working memory (about 2 MB), so make few. Not for two threads at once.
class DictionarySqueezer final : public Squeezer {
 public:
  // How many bytes at the end of a message look random (sync::dense_bytes_of). Without it all are compressed alike.
  using DenseOf = std::function<std::size_t(ByteView message)>;
  explicit DictionarySqueezer(DenseOf dense_of = {});
  ~DictionarySqueezer() override;
  DictionarySqueezer(const DictionarySqueezer&) = delete;
  DictionarySqueezer& operator=(const DictionarySqueezer&) = delete;

  Bytes compress(ByteView block) const override;
  std::optional<Bytes> decompress(ByteView bytes, std::size_t bytes_max) const override;

  // How many of the first messages make a block that compresses to `bytes_max` or less. Found by trying, at most eight
  // compressions, so now and then not the very most.
  std::size_t fit(std::span<const ByteView> messages, std::size_t bytes_max) const;

 private:
  struct Contexts;
  DenseOf dense_of_;
  std::unique_ptr<Contexts> contexts_;
};

// Dictionary `number`, 1..newest_dictionary; empty beyond.
ByteView dictionary(int number);

}  // namespace airbridge::bearer
