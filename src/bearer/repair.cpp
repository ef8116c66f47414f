#include "bearer/repair.hpp"

#include <algorithm>
#include <array>

namespace airbridge::bearer {
namespace {
struct Field {
  std::array<std::uint8_t, 512> exponential{};
  std::array<std::uint8_t, 256> logarithm{};
  constexpr Field() {
    unsigned value = 1;
    for (unsigned i = 0; i < 255; ++i) {
      exponential[i] = exponential[i + 255] = static_cast<std::uint8_t>(value);
      logarithm[value] = static_cast<std::uint8_t>(i);
      value <<= 1;
      if ((value & 0x100U) != 0) value ^= 0x11DU;
    }
  }
  constexpr std::uint8_t product(std::uint8_t a, std::uint8_t b) const {
    return a == 0 || b == 0 ? std::uint8_t{0} : exponential[static_cast<std::size_t>(logarithm[a]) + logarithm[b]];
  }
  constexpr std::uint8_t inverse(std::uint8_t a) const { return exponential[255U - logarithm[a]]; }  // a is not 0
};
constexpr Field field;

// Rows and columns of a Cauchy matrix have different names: every square part of it can be inverted.
std::uint8_t coefficient(std::size_t parity, std::size_t piece) {
  return field.inverse(static_cast<std::uint8_t>((255 - parity) ^ piece));
}
static_assert(repair_data_max + repair_parity_max <= 256);

void add_scaled(Bytes& to, ByteView from, std::uint8_t factor) {
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i] = static_cast<std::uint8_t>(to[i] ^ field.product(from[i], factor));
}
}  // namespace

Bytes parity_of(const std::vector<ByteView>& data, std::size_t index, std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < data.size(); ++i) add_scaled(out, data[i], coefficient(index, i));
  return out;
}

std::optional<std::vector<Bytes>> repaired(std::size_t count, std::size_t size,
                                           const std::map<std::size_t, ByteView>& data,
                                           const std::map<std::size_t, ByteView>& parities) {
  if (count == 0 || count > repair_data_max || data.size() + parities.size() < count) return std::nullopt;
  std::vector<Bytes> out(count, Bytes(size));
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = data.find(i);
    if (found == data.end()) {
      missing.push_back(i);
    } else if (found->second.size() > size) {
      return std::nullopt;
    } else {
      std::copy(found->second.begin(), found->second.end(), out[i].begin());
    }
  }
  if (parities.size() < missing.size()) return std::nullopt;

  // Each parity less what is known of it is a sum over the missing ones: as many equations as unknowns, solved in
  // place.
  std::vector<Bytes> rows;
  std::vector<Bytes> sums;
  for (const auto& [index, bytes] : parities) {
    if (rows.size() == missing.size()) break;
    if (index >= repair_parity_max || bytes.size() != size) return std::nullopt;
    Bytes sum = to_bytes(bytes);
    for (const auto& [piece, known] : data) {
      if (piece < count) add_scaled(sum, known, coefficient(index, piece));
    }
    Bytes row;
    for (const auto piece : missing) row.push_back(coefficient(index, piece));
    rows.push_back(std::move(row));
    sums.push_back(std::move(sum));
  }
  for (std::size_t at = 0; at < missing.size(); ++at) {
    std::size_t pivot = at;
    while (pivot < rows.size() && rows[pivot][at] == 0) ++pivot;
    if (pivot == rows.size()) return std::nullopt;
    std::swap(rows[at], rows[pivot]);
    std::swap(sums[at], sums[pivot]);
    const auto scale = field.inverse(rows[at][at]);
    for (auto& value : rows[at]) value = field.product(value, scale);
    for (auto& value : sums[at]) value = field.product(value, scale);
    for (std::size_t other = 0; other < rows.size(); ++other) {
      const auto factor = rows[other][at];
      if (other == at || factor == 0) continue;
      add_scaled(rows[other], rows[at], factor);
      add_scaled(sums[other], sums[at], factor);
    }
  }
  for (std::size_t i = 0; i < missing.size(); ++i) out[missing[i]] = std::move(sums[i]);
  return out;
}

}  // namespace airbridge::bearer
