#include "bundle/format.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/hash.hpp"
#include "model/cbor.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"

namespace airbridge::bundle {
namespace {

constexpr std::string_view file_magic = "AIRBNDL";
constexpr std::string_view chunk_magic = "ABCK";
constexpr std::string_view head_context = "airbridge bundle head 1";
constexpr int pack_level = 6;
constexpr std::uint8_t packed_flag = 1;
constexpr std::size_t vector_messages_max = 4;
constexpr std::size_t lacks_heads = 3;  // items that name a stream in the list of private parts that are lacking

enum class Kind : std::uint8_t { Head = 1, Frames = 2, End = 3 };

void put(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void put_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
std::uint32_t u32_at(ByteView bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

Bytes make_chunk(Kind kind, std::uint32_t number, ByteView plain) {
  Bytes packed(ZSTD_compressBound(plain.size()));
  const auto size = ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), pack_level);
  const bool is_packed = ZSTD_isError(size) == 0 && size < plain.size();
  const auto content = is_packed ? ByteView(packed).first(size) : plain;
  Bytes out;
  out.reserve(chunk_head_bytes + content.size());
  put(out, as_bytes(chunk_magic));
  out.push_back(static_cast<std::uint8_t>(kind));
  out.push_back(is_packed ? packed_flag : 0);
  out.push_back(0);
  out.push_back(0);
  put_u32(out, number);
  put_u32(out, static_cast<std::uint32_t>(content.size()));
  put_u32(out, static_cast<std::uint32_t>(plain.size()));
  put_u32(out, crc32c(content));
  put_u32(out, crc32c(out));
  put(out, content);
  return out;
}

// As VECTOR messages of the sync protocol, as many as it takes.
void put_vector(Bytes& bytes, const sync::HeldVector& vector) {
  model::cbor::Writer out(bytes);
  const auto count = (vector.size() + sync::items_per_frame_max - 1) / sync::items_per_frame_max;
  out.array(count);
  auto at = vector.begin();
  for (std::size_t i = 0; i < count; ++i) {
    sync::VectorMessage message;
    for (; at != vector.end() && message.items.size() < sync::items_per_frame_max; ++at)
      message.items.push_back({at->first, at->second.seq, at->second.head});
    const auto frame = sync::encode(message);
    out.bytes(ByteView(frame).subspan(sync::frame_head_bytes, frame.size() - sync::frame_overhead_bytes));
  }
}

sync::HeldVector get_vector(model::cbor::Reader& in) {
  sync::HeldVector out;
  for (auto count = in.array(vector_messages_max); count > 0 && in.ok(); --count) {
    const auto payload = in.bytes(chunk_plain_max);
    if (!in.ok()) break;
    const auto decoded = sync::decode(static_cast<std::uint8_t>(sync::MessageType::Vector), payload);
    const auto* message = decoded ? std::get_if<sync::Message>(&*decoded) : nullptr;
    const auto* vector = message != nullptr ? std::get_if<sync::VectorMessage>(message) : nullptr;
    if (vector == nullptr) {
      in.fail(model::DecodeFault::WrongType);
      break;
    }
    for (const auto& item : vector->items) {
      if (item.seq > 0) out[item.stream] = {item.seq, item.head};
    }
    if (out.size() > vector_streams_max) in.fail(model::DecodeFault::TooLong);
  }
  return out;
}

// Stream by stream, at most lacks_max of them.
void put_lacks(Bytes& bytes, const std::vector<model::Dot>& lacks) {
  std::map<model::StreamId, std::vector<std::uint64_t>> streams;
  for (std::size_t i = 0; i < std::min(lacks.size(), lacks_max); ++i)
    streams[{lacks[i].writer, lacks[i].cls, {}}].push_back(lacks[i].seq);
  model::cbor::Writer out(bytes);
  out.array(streams.size());
  for (const auto& [stream, numbers] : streams) {
    out.array(lacks_heads + numbers.size());
    out.bytes(stream.writer.author.view());
    out.uint(stream.writer.incarnation);
    out.uint(static_cast<std::uint64_t>(stream.cls));
    for (const auto number : numbers) out.uint(number);
  }
}

std::vector<model::Dot> get_lacks(model::cbor::Reader& in) {
  std::set<model::Dot> out;
  for (auto streams = in.array(lacks_max); streams > 0 && in.ok(); --streams) {
    auto count = in.array(lacks_heads + lacks_max);
    if (count < lacks_heads) in.fail(model::DecodeFault::WrongType);
    model::Dot dot;
    dot.writer.author = in.fixed<model::KeyId>();
    dot.writer.incarnation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
    dot.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
    for (; count > lacks_heads && in.ok(); --count) {
      dot.seq = in.uint();
      out.insert(dot);
    }
    if (out.size() > lacks_max) in.fail(model::DecodeFault::TooLong);
  }
  return {out.begin(), out.end()};
}

Bytes head_text(ByteView map) {
  Bytes text;
  put(text, as_bytes(head_context));
  put(text, map);
  return text;
}

std::optional<Head> read_head(ByteView plain) {
  if (plain.size() < model::Signature::size) return std::nullopt;
  const auto map = plain.first(plain.size() - model::Signature::size);
  model::cbor::Reader in(map);
  Head head;
  model::cbor::read_map(in, 32, [&](std::uint64_t key) {
    switch (key) {
      case 0:
        head.incident = in.fixed<model::IncidentId>();
        return true;
      case 1:
        head.incident_name = std::string(in.text(model::incident_name_max));
        return true;
      case 2:
        head.writer = in.fixed<model::PublicKey>();
        return true;
      case 3:
        head.writer_name = std::string(in.text(sync::name_bytes_max));
        return true;
      case 4:
        head.written = utc_from_ms(static_cast<std::int64_t>(in.uint(std::uint64_t{1} << 52)));
        return true;
      case 5:
        head.id = in.fixed<BundleId>();
        return true;
      case 6:
        head.part = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
        return true;
      case 7:
        head.class_max = static_cast<model::Class>(in.uint(model::class_count - 1));
        return true;
      case 8:
        head.for_name = std::string(in.text(for_name_bytes_max));
        return true;
      case 9:
        head.holds = get_vector(in);
        return true;
      case 10:
        head.since = get_vector(in);
        return true;
      case 11:
        head.lacks = get_lacks(in);
        return true;
      default:
        return false;
    }
  });
  in.end();
  if (!in.ok()) return std::nullopt;
  const auto signature = model::Signature::from(plain.last(model::Signature::size));
  head.is_signed = trust::is_usable(head.writer) && trust::verify(head.writer, head_text(map), *signature);
  return head;
}

std::optional<End> read_end(ByteView plain) {
  model::cbor::Reader in(plain);
  End end;
  model::cbor::read_map(in, 32, [&](std::uint64_t key) {
    switch (key) {
      case 0:
        end.chunks = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
        return true;
      case 1:
        end.events = in.uint();
        return true;
      case 2:
        end.more_parts = in.boolean();
        return true;
      default:
        return false;
    }
  });
  in.end();
  return in.ok() ? std::optional(end) : std::nullopt;
}

// Whatever the content says of itself: no more comes out than the chunk's head promised.
std::optional<Bytes> unpack(ByteView content, std::size_t plain_bytes) {
  Bytes plain(plain_bytes);
  const auto size = ZSTD_decompress(plain.data(), plain.size(), content.data(), content.size());
  if (ZSTD_isError(size) != 0 || size != plain_bytes) return std::nullopt;
  return plain;
}

}  // namespace

Bytes begin_file(const Head& head, const Sign& sign) {
  Bytes map;
  model::cbor::Writer out(map);
  out.map(head.lacks.empty() ? 11 : 12);
  out.uint(0);
  out.bytes(head.incident.view());
  out.uint(1);
  out.text(model::cbor::clean_text(head.incident_name, model::incident_name_max));
  out.uint(2);
  out.bytes(head.writer.view());
  out.uint(3);
  out.text(model::cbor::clean_text(head.writer_name, sync::name_bytes_max));
  out.uint(4);
  out.uint(static_cast<std::uint64_t>(std::max<std::int64_t>(0, ms_of(head.written))));
  out.uint(5);
  out.bytes(head.id.view());
  out.uint(6);
  out.uint(head.part);
  out.uint(7);
  out.uint(static_cast<std::uint64_t>(head.class_max));
  out.uint(8);
  out.text(model::cbor::clean_text(head.for_name, for_name_bytes_max));
  out.uint(9);
  put_vector(map, head.holds);
  out.uint(10);
  put_vector(map, head.since);
  if (!head.lacks.empty()) {
    out.uint(11);
    put_lacks(map, head.lacks);
  }
  put(map, sign(head_text(map)).view());

  Bytes file;
  put(file, as_bytes(file_magic));
  file.push_back(format_version);
  put(file, make_chunk(Kind::Head, 0, map));
  return file;
}

Bytes frames_chunk(std::uint32_t number, ByteView frames) { return make_chunk(Kind::Frames, number, frames); }

Bytes end_chunk(std::uint32_t number, const End& end) {
  Bytes map;
  model::cbor::Writer out(map);
  out.map(3);
  out.uint(0);
  out.uint(end.chunks);
  out.uint(1);
  out.uint(end.events);
  out.uint(2);
  out.boolean(end.more_parts);
  return make_chunk(Kind::End, number, map);
}

// ---- reading --------------------------------------------------------------------------------------------------------

void Reader::feed(ByteView bytes) {
  if (over_ || !refusal_.empty()) return;
  if (at_ > 0) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(at_));
    base_ += at_;
    at_ = 0;
  }
  put(held_, bytes);
}

void Reader::finish() { finished_ = true; }

bool Reader::read_start() {
  const auto bytes = rest();
  const auto magic = as_bytes(file_magic);
  const auto known = std::min(bytes.size(), magic.size());
  if (!std::equal(magic.begin(), magic.begin() + static_cast<std::ptrdiff_t>(known), bytes.begin()) ||
      (finished_ && bytes.size() < file_start_bytes)) {
    refusal_ = "this is no Airbridge bundle (airbridge bundle write makes one)";
    return false;
  }
  if (bytes.size() < file_start_bytes) return false;
  if (bytes[magic.size()] != format_version) {
    refusal_ = fmt::format(
        "this bundle has format {}, this program reads format {}: update Airbridge here, or let it be written by the "
        "version that is used here",
        bytes[magic.size()], format_version);
    return false;
  }
  at_ += file_start_bytes;
  return started_ = true;
}

// Goes on looking for the beginning of a chunk `skip` bytes further on.
Damage Reader::damaged(std::string what, std::size_t skip) {
  Damage damage{base_ + at_, std::move(what)};
  at_ += skip;
  lost_ = true;
  if (++damages_ >= damages_max) {
    damage.what += "; so much is damaged that the rest of the file is not read";
    over_ = true;
  }
  return damage;
}

// To where a chunk may begin; false when that needs more bytes.
bool Reader::seek_chunk() {
  const auto bytes = rest();
  const auto magic = as_bytes(chunk_magic);
  const auto found = std::search(bytes.begin(), bytes.end(), magic.begin(), magic.end());
  if (found != bytes.end()) {
    at_ += static_cast<std::size_t>(found - bytes.begin());
    return true;
  }
  at_ += bytes.size() - std::min(bytes.size(), magic.size() - 1);
  return false;
}

std::optional<Item> Reader::next() {
  while (!over_ && refusal_.empty()) {
    if (!started_ && !read_start()) return std::nullopt;
    const bool is_there = !lost_ || seek_chunk();
    const auto bytes = rest();
    if (!is_there || bytes.size() < chunk_head_bytes) return wait_for_more();
    const auto head = bytes.first(chunk_head_bytes);
    if (as_text(head.first(chunk_magic.size())) != chunk_magic ||
        crc32c(head.first(chunk_head_bytes - 4)) != u32_at(head, chunk_head_bytes - 4)) {
      if (!lost_) return damaged("what stands here is no chunk", 1);
      ++at_;  // the letters stood there by chance
      continue;
    }
    const auto stored = u32_at(head, 12), plain = u32_at(head, 16);
    if (stored > chunk_stored_max || plain > chunk_plain_max)
      return damaged(
          fmt::format("a chunk of {} bytes, {} when unpacked; at most {} are taken", stored, plain, chunk_plain_max),
          1);
    if (bytes.size() < chunk_head_bytes + stored) return wait_for_more();
    if (auto item = take_chunk(head, bytes.subspan(chunk_head_bytes, stored))) return item;
  }
  return std::nullopt;
}

// The rest of a chunk has not come; at the end of the input it never will.
std::optional<Item> Reader::wait_for_more() {
  if (!finished_) return std::nullopt;
  over_ = true;
  if (lost_ || ended_) return std::nullopt;  // said before
  return Damage{base_ + at_, "the file ends here, before its end: it was cut, or is still being copied"};
}

std::optional<Item> Reader::take_chunk(ByteView head, ByteView content) {
  const auto number = u32_at(head, 8);
  if (crc32c(content) != u32_at(head, 20))
    return damaged(fmt::format("the content of chunk {} is damaged", number), chunk_head_bytes);
  if ((head[5] & ~packed_flag) != 0)
    return damaged(fmt::format("chunk {} is written in a newer way: update Airbridge here", number),
                   chunk_head_bytes + content.size());
  const auto plain_bytes = u32_at(head, 16);
  auto plain = (head[5] & packed_flag) != 0    ? unpack(content, plain_bytes)
               : content.size() == plain_bytes ? std::optional(to_bytes(content))
                                               : std::nullopt;
  if (!plain)
    return damaged(fmt::format("the content of chunk {} does not unpack to what it says", number),
                   chunk_head_bytes + content.size());
  lost_ = false;
  at_ += chunk_head_bytes + content.size();
  switch (static_cast<Kind>(head[4])) {
    case Kind::Head:
      if (auto read = number == 0 ? read_head(*plain) : std::nullopt) return std::move(*read);
      return damaged("the head cannot be read", 0);
    case Kind::Frames:
      return Frames{number, std::move(*plain)};
    case Kind::End:
      if (const auto end = read_end(*plain)) {
        ended_ = over_ = true;
        return *end;
      }
      return damaged("the end cannot be read", 0);
  }
  return std::nullopt;  // of a later version: passed over
}

}  // namespace airbridge::bundle
