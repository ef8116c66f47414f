#pragma once
// The file VERSION of a store directory: which format, whose incident, who made it.
//
//   airbridge store 1
//   created-by airbridge 0.1.0
//   incident <64 hex>
//   salt <8 hex>
//   check <32 hex: BLAKE2b-128 of the lines before>
#include <optional>
#include <string>

#include "store/error.hpp"
#include "store/record.hpp"

namespace airbridge::store {

inline constexpr std::string_view version_name = "VERSION";
inline constexpr std::size_t version_bytes_max = 4096;

struct Meta {
  std::uint32_t format = store_format;
  std::string created_by;
  model::IncidentId incident;
  std::uint32_t salt = 0;
};
std::string encode(const Meta& meta);
// OtherFormat (decided by the first line alone) with words for people, or Damaged.
StoreResult<Meta> decode_meta(std::string_view text);
// NotFound when the directory holds no store.
StoreResult<Meta> read_meta(Disk& disk);
StoreResult<void> write_meta(Disk& disk, const Meta& meta);
StoreError other_format(std::uint64_t format);

}  // namespace airbridge::store
