#pragma once
// Repair frames for blocks that nobody acknowledges: Reed-Solomon over GF(256) in its systematic Cauchy form
// (J. Bloemer et al., "An XOR-Based Erasure-Resilient Coding Scheme", ICSI TR-95-048, 1995). Any `count` of the data
// and parity pieces of a block give all its data. Field polynomial x^8+x^4+x^3+x^2+1 (0x11D).
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"

namespace airbridge::bearer {

inline constexpr std::size_t repair_data_max = 192;
inline constexpr std::size_t repair_parity_max = 64;

// Parity piece `index` over the data pieces, of which none is longer than `size`; shorter ones count as filled with
// zeros.
Bytes parity_of(const std::vector<ByteView>& data, std::size_t index, std::size_t size);

// The whole data from what is there: pieces by number below `count`, parities by index. All pieces come out `size`
// long. Nothing when too few are there or a number is out of bounds.
std::optional<std::vector<Bytes>> repaired(std::size_t count, std::size_t size,
                                           const std::map<std::size_t, ByteView>& data,
                                           const std::map<std::size_t, ByteView>& parities);

}  // namespace airbridge::bearer
