#include "bearer/overheard.hpp"

#include <algorithm>

#include "bearer/limits.hpp"
#include "bearer/repair.hpp"

namespace airbridge::bearer {

Overheard::Stream& Overheard::stream_of(std::uint16_t tag, bool urgent) {
  const auto found = std::find_if(streams_.begin(), streams_.end(),
                                  [&](const Stream& stream) { return stream.tag == tag && stream.urgent == urgent; });
  Stream stream;
  if (found != streams_.end()) {
    stream = std::move(*found);
    streams_.erase(found);
  } else if (streams_.size() == overheard_streams_max) {
    streams_.pop_front();
  }
  stream.tag = tag;
  stream.urgent = urgent;
  return streams_.emplace_back(std::move(stream));
}

// The number with these low bits nearest to the newest one.
std::uint64_t Overheard::whole_number(Stream& stream, std::uint16_t seq) {
  const auto step =
      static_cast<std::int16_t>(static_cast<std::uint16_t>(seq - static_cast<std::uint16_t>(stream.newest)));
  const auto number = static_cast<std::uint64_t>(static_cast<std::int64_t>(stream.newest) + step);
  stream.newest = std::max(stream.newest, number);
  return number;
}

bool Overheard::was_given(const Stream& stream, std::uint64_t seq) {
  return std::any_of(stream.given.begin(), stream.given.end(),
                     [&](const auto& range) { return range.first <= seq && seq <= range.second; });
}

void Overheard::forget_old(Stream& stream) {
  while (stream.fragments.size() > overheard_fragments_max) stream.fragments.erase(stream.fragments.begin());
  while (stream.parities.size() > overheard_blocks_max) stream.parities.erase(stream.parities.begin());
  while (stream.given.size() > overheard_blocks_max) stream.given.pop_front();
}

std::optional<WholeBlock> Overheard::complete_around(Stream& stream, std::uint64_t seq) {
  auto first = stream.fragments.find(seq);
  if (first == stream.fragments.end()) return std::nullopt;
  while (!first->second.first) {
    const auto before = first->first - 1;
    first = stream.fragments.find(before);
    if (first == stream.fragments.end()) return std::nullopt;
  }
  WholeBlock block;
  block.squeezed = first->second.squeezed;
  auto at = first;
  for (std::uint64_t number = first->first;; ++number, ++at) {
    if (at == stream.fragments.end() || at->first != number) return std::nullopt;
    if (block.bytes.size() + at->second.bytes.size() > block_bytes_max) return std::nullopt;
    block.bytes.insert(block.bytes.end(), at->second.bytes.begin(), at->second.bytes.end());
    if (at->second.last) break;
  }
  stream.given.emplace_back(first->first, at->first);
  stream.parities.erase(first->first);
  stream.fragments.erase(first, std::next(at));
  forget_old(stream);
  return block;
}

std::optional<WholeBlock> Overheard::take(std::uint16_t tag, const FragmentPart& part) {
  Stream& stream = stream_of(tag, part.urgent);
  const auto seq = whole_number(stream, part.seq);
  if (was_given(stream, seq)) return std::nullopt;
  stream.fragments.emplace(seq, Kept{to_bytes(part.bytes), part.first, part.last, part.squeezed});
  forget_old(stream);
  auto block = complete_around(stream, seq);
  if (block) return block;
  // It may be the piece that a parity heard earlier was short of.
  auto parity = stream.parities.upper_bound(seq);
  if (parity == stream.parities.begin()) return std::nullopt;
  --parity;
  return seq < parity->first + parity->second.count ? repair(stream, parity->first) : std::nullopt;
}

std::optional<WholeBlock> Overheard::take(std::uint16_t tag, const RepairPart& part) {
  Stream& stream = stream_of(tag, part.urgent);
  const auto seq = whole_number(stream, part.seq);
  if (was_given(stream, seq) || part.count > repair_data_max || part.index >= repair_parity_max) return std::nullopt;
  auto& parity = stream.parities[seq];
  if (parity.pieces.empty()) parity = {part.count, part.last_bytes, part.squeezed, {}};
  if (parity.count != part.count || parity.last_bytes != part.last_bytes) return std::nullopt;
  if (!parity.pieces.empty() && parity.pieces.begin()->second.size() != part.bytes.size()) return std::nullopt;
  parity.pieces.emplace(part.index, to_bytes(part.bytes));
  forget_old(stream);
  return repair(stream, seq);
}

std::optional<WholeBlock> Overheard::repair(Stream& stream, std::uint64_t from) {
  const auto found = stream.parities.find(from);
  if (found == stream.parities.end() || found->second.pieces.empty()) return std::nullopt;
  const Parity& parity = found->second;
  const std::size_t size = parity.pieces.begin()->second.size();
  std::map<std::size_t, ByteView> data, parities;
  for (std::size_t i = 0; i < parity.count; ++i) {
    const auto piece = stream.fragments.find(from + i);
    if (piece != stream.fragments.end()) data.emplace(i, piece->second.bytes);
  }
  for (const auto& [index, bytes] : parity.pieces) parities.emplace(index, bytes);
  const auto pieces = repaired(parity.count, size, data, parities);
  if (!pieces) return std::nullopt;
  for (std::size_t i = 0; i < parity.count; ++i) {
    Bytes bytes = (*pieces)[i];
    if (i + 1 == parity.count) bytes.resize(parity.last_bytes);
    stream.fragments[from + i] = Kept{std::move(bytes), i == 0, i + 1 == parity.count, parity.squeezed};
  }
  return complete_around(stream, from);
}

}  // namespace airbridge::bearer
