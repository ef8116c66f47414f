#pragma once
// The keys of authors and persons, each kept once and named by a number. The id of a key is 16 bytes, a record
// with two events names four or more of them, and an incident knows some dozens.
//
// One thread puts keys in. Any thread may read the number it was given together with something the first one handed
// out later: what stands in the table never moves or changes.
#include <array>
#include <memory>
#include <optional>
#include <unordered_map>

#include "model/ids.hpp"

namespace airbridge::picture {

class KeyTable {
 public:
  static constexpr std::size_t keys_max = std::size_t{1} << 16;  // those beyond it stay written out

  // The number of a key, which is put in if there is room.
  std::optional<std::uint32_t> put(const model::KeyId& key);
  std::optional<std::uint32_t> find(const model::KeyId& key) const;  // the thread that puts
  const model::KeyId& at(std::uint32_t number) const { return (*chunks_[number / chunk_keys])[number % chunk_keys]; }

 private:
  static constexpr std::size_t chunk_keys = 256;
  using Chunk = std::array<model::KeyId, chunk_keys>;
  std::array<std::unique_ptr<Chunk>, keys_max / chunk_keys> chunks_;
  std::unordered_map<model::KeyId, std::uint32_t> numbers_;
};

}  // namespace airbridge::picture
