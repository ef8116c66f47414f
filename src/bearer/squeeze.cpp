#include "bearer/squeeze.hpp"

#define ZSTD_STATIC_LINKING_ONLY  // the format without magic number
#include <zstd.h>

#include <algorithm>

#include "bearer/wire.hpp"

extern "C" {
extern const unsigned char airbridge_dictionary_1[], airbridge_dictionary_1_end[];
}

namespace airbridge::bearer {

namespace {
constexpr int level = 19;
constexpr std::uint8_t dictionary_mask = 0x07, one_block_flag = 0x08, apart_flag = 0x10, known_flags = 0x1F;
// A zstd frame without magic number: descriptor 0 (no checksum, size or dictionary number), window, then blocks.
constexpr std::uint8_t frame_descriptor = 0, frame_window = 0x40;  // 2^18
constexpr std::size_t frame_head_bytes = 2, block_head_bytes = 3;
constexpr unsigned compressed_block = 2;
constexpr int fit_tries_max = 8;

// Only the shortest form, so that a block that was taken apart is put together again byte for byte.
std::optional<std::size_t> get_length(ByteView& in) {
  std::size_t value = 0;
  for (unsigned shift = 0; shift < 28 && !in.empty(); shift += 7) {
    const auto byte = in.front();
    in = in.subspan(1);
    value |= static_cast<std::size_t>(byte & 0x7F) << shift;
    if (byte >= 0x80) continue;
    if (byte == 0 && shift > 0) return std::nullopt;
    return value;
  }
  return std::nullopt;
}
void put_bytes(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
ByteView take(ByteView& in, std::size_t count) {
  const auto out = in.first(count);
  in = in.subspan(count);
  return out;
}

// Whether the frame is one compressed block that reaches to its end: then its headers say nothing.
bool is_one_block(ByteView frame) {
  constexpr auto heads = frame_head_bytes + block_head_bytes;
  if (frame.size() < heads || frame[0] != frame_descriptor) return false;
  const unsigned head = frame[2] | static_cast<unsigned>(frame[3]) << 8 | static_cast<unsigned>(frame[4]) << 16;
  return head == (1U | compressed_block << 1 | static_cast<unsigned>(frame.size() - heads) << 3);
}
Bytes with_heads(ByteView one_block) {
  const auto head = 1U | compressed_block << 1 | static_cast<unsigned>(one_block.size()) << 3;
  Bytes frame{frame_descriptor, frame_window, static_cast<std::uint8_t>(head), static_cast<std::uint8_t>(head >> 8),
              static_cast<std::uint8_t>(head >> 16)};
  put_bytes(frame, one_block);
  return frame;
}

struct Apart {
  Bytes plain, dense;
};
// Nothing when the block is not messages with their lengths before them, or none of them is dense.
std::optional<Apart> take_apart(ByteView block, const DictionarySqueezer::DenseOf& dense_of) {
  if (!dense_of) return std::nullopt;
  Apart out;
  while (!block.empty()) {
    const auto length = get_length(block);
    if (!length || *length > block.size()) return std::nullopt;
    const auto message = take(block, *length);
    const auto dense = std::min(dense_of(message), message.size());
    put_length(out.plain, message.size() - dense);
    put_length(out.plain, dense);
    put_bytes(out.plain, message.first(message.size() - dense));
    put_bytes(out.dense, message.last(dense));
  }
  if (out.dense.empty()) return std::nullopt;
  return out;
}
std::optional<Bytes> put_together(ByteView plain, ByteView dense, std::size_t bytes_max) {
  Bytes block;
  while (!plain.empty()) {
    const auto plain_length = get_length(plain);
    const auto dense_length = plain_length ? get_length(plain) : std::nullopt;
    if (!dense_length || *plain_length > plain.size() || *dense_length > dense.size()) return std::nullopt;
    put_length(block, *plain_length + *dense_length);
    put_bytes(block, take(plain, *plain_length));
    put_bytes(block, take(dense, *dense_length));
  }
  if (!dense.empty() || block.size() > bytes_max) return std::nullopt;
  return block;
}
}  // namespace

ByteView dictionary(int number) {
  if (number != 1) return {};
  return {airbridge_dictionary_1, airbridge_dictionary_1_end};
}

struct DictionarySqueezer::Contexts {
  ZSTD_CCtx* compress = ZSTD_createCCtx();
  ZSTD_DCtx* decompress = ZSTD_createDCtx();
  Bytes room = Bytes(squeezed_block_max);  // a block never unfolds beyond this, whatever it says
  Contexts() {
    const auto words = dictionary(newest_dictionary);
    ZSTD_CCtx_setParameter(compress, ZSTD_c_format, ZSTD_f_zstd1_magicless);
    ZSTD_CCtx_setParameter(compress, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(compress, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(compress, ZSTD_c_checksumFlag, 0);
    ZSTD_CCtx_setParameter(compress, ZSTD_c_dictIDFlag, 0);
    ZSTD_CCtx_loadDictionary_byReference(compress, words.data(), words.size());
    ZSTD_DCtx_setParameter(decompress, ZSTD_d_format, ZSTD_f_zstd1_magicless);
    ZSTD_DCtx_loadDictionary_byReference(decompress, words.data(), words.size());
  }
  ~Contexts() {
    ZSTD_freeCCtx(compress);
    ZSTD_freeDCtx(decompress);
  }
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;
};

DictionarySqueezer::DictionarySqueezer(DenseOf dense_of)
    : dense_of_(std::move(dense_of)), contexts_(std::make_unique<Contexts>()) {}
DictionarySqueezer::~DictionarySqueezer() = default;

Bytes DictionarySqueezer::compress(ByteView block) const {
  if (block.empty() || block.size() > squeezed_block_max) return to_bytes(block);
  const auto apart = take_apart(block, dense_of_);
  const auto plain = apart ? ByteView(apart->plain) : block;
  if (plain.size() > squeezed_block_max) return to_bytes(block);
  Bytes frame(ZSTD_compressBound(plain.size()));
  const auto size = ZSTD_compress2(contexts_->compress, frame.data(), frame.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0) return to_bytes(block);
  frame.resize(size);
  const bool one_block = is_one_block(frame);
  Bytes out{static_cast<std::uint8_t>(newest_dictionary | (one_block ? one_block_flag : 0) | (apart ? apart_flag : 0))};
  if (apart) {
    put_length(out, apart->dense.size());
    put_bytes(out, apart->dense);
  }
  put_bytes(out, ByteView(frame).subspan(one_block ? frame_head_bytes + block_head_bytes : 0));
  return out;
}

std::optional<Bytes> DictionarySqueezer::decompress(ByteView bytes, std::size_t bytes_max) const {
  if (bytes.empty() || bytes.size() > squeezed_block_max) return std::nullopt;
  const auto first = bytes[0];
  if ((first & ~known_flags) != 0 || (first & dictionary_mask) != newest_dictionary) return std::nullopt;
  auto in = bytes.subspan(1);
  ByteView dense;
  if ((first & apart_flag) != 0) {
    const auto length = get_length(in);
    if (!length || *length > in.size()) return std::nullopt;
    dense = take(in, *length);
  }
  Bytes with;
  if ((first & one_block_flag) != 0) {
    with = with_heads(in);
    in = with;
  }
  // Whatever the bytes say, they unfold into this room or not at all.
  auto& room = contexts_->room;
  const auto size = ZSTD_decompressDCtx(contexts_->decompress, room.data(), room.size(), in.data(), in.size());
  if (ZSTD_isError(size) != 0) return std::nullopt;
  const auto plain = ByteView(room).first(size);
  if ((first & apart_flag) != 0) return put_together(plain, dense, bytes_max);
  if (size > bytes_max) return std::nullopt;
  return to_bytes(plain);
}

std::size_t DictionarySqueezer::fit(std::span<const ByteView> messages, std::size_t bytes_max) const {
  Bytes block;
  std::vector<std::size_t> ends{0};  // of the first messages in the block
  for (const auto message : messages) {
    put_length(block, message.size());
    put_bytes(block, message);
    if (block.size() > squeezed_block_max) break;
    ends.push_back(block.size());
  }
  const auto last_within = [&](std::size_t bytes) {
    return static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), bytes) - ends.begin()) - 1;
  };
  std::size_t low = 0, high = ends.size() - 1;
  // Little compresses to less than a quarter: no need to begin with more.
  auto next = std::clamp<std::size_t>(last_within(bytes_max * 4), std::min<std::size_t>(1, high), high);
  for (int tries = 0; tries < fit_tries_max && low < high; ++tries) {
    const auto size = std::min(compress(ByteView(block).first(ends[next])).size(), ends[next]);
    (size <= bytes_max ? low : high) = size <= bytes_max ? next : next - 1;
    // The next one will compress about as well; when that leads nowhere, halve.
    const auto guess = last_within(ends[next] * bytes_max / std::max<std::size_t>(size, 1));
    next = std::clamp(tries % 3 < 2 ? guess : low + (high - low + 1) / 2, std::min(low + 1, high), high);
  }
  return low;
}

}  // namespace airbridge::bearer
