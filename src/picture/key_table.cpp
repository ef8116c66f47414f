#include "picture/key_table.hpp"

namespace airbridge::picture {

std::optional<std::uint32_t> KeyTable::put(const model::KeyId& key) {
  if (const auto known = find(key)) return known;
  const auto number = static_cast<std::uint32_t>(numbers_.size());
  if (number == keys_max) return std::nullopt;
  auto& chunk = chunks_[number / chunk_keys];
  if (!chunk) chunk = std::make_unique<Chunk>();
  (*chunk)[number % chunk_keys] = key;
  numbers_.emplace(key, number);
  return number;
}

std::optional<std::uint32_t> KeyTable::find(const model::KeyId& key) const {
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace airbridge::picture
