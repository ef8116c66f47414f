#pragma once
// How a block of messages is made smaller before it is cut into frames. bearer/squeeze.hpp is the one that ships.
#include <optional>

#include "base/bytes.hpp"

namespace airbridge::bearer {

class Squeezer {
 public:
  virtual ~Squeezer() = default;
  // Any bytes; the result may be longer than the block, then the block is sent as it is.
  virtual Bytes compress(ByteView block) const = 0;
  // Nothing when the bytes are no block of ours or it would be longer than `bytes_max`. The bytes come from outside.
  virtual std::optional<Bytes> decompress(ByteView bytes, std::size_t bytes_max) const = 0;
};

// Leaves blocks as they are; for tests and for channels where bytes cost nothing.
class PlainSqueezer final : public Squeezer {
 public:
  Bytes compress(ByteView block) const override { return to_bytes(block); }
  std::optional<Bytes> decompress(ByteView bytes, std::size_t bytes_max) const override {
    if (bytes.size() > bytes_max) return std::nullopt;
    return to_bytes(bytes);
  }
};

}  // namespace airbridge::bearer
