#include "bearer/payload.hpp"

#include "bearer/limits.hpp"
#include "bearer/wire.hpp"

namespace airbridge::bearer {
namespace {
enum Kind : unsigned { Fragment = 0, Ack = 1, Open = 2, Value = 3, Digest = 4, Repair = 5 };
constexpr unsigned urgent_bit = 1, first_bit = 2, last_bit = 4, squeezed_bit = 8, to_end_bit = 16;
constexpr unsigned bulk_ack_bit = 1, urgent_ack_bit = 2;
constexpr unsigned more_bit = 4, grant_bit = 2, open_bit = 1;
constexpr std::size_t last_values_max = 256;

std::uint8_t head(Kind kind, unsigned flags) { return static_cast<std::uint8_t>((kind << 5) | flags); }

void put_received(Bytes& out, const Received& received) {
  put_uint(out, received.next, 2);
  out.push_back(static_cast<std::uint8_t>(received.bitmap.size()));
  out.insert(out.end(), received.bitmap.begin(), received.bitmap.end());
}
Received read_received(WireReader& in) {
  Received out;
  out.next = static_cast<std::uint16_t>(in.uint(2));
  out.bitmap = to_bytes(in.bytes(in.uint(1)));
  return out;
}
}  // namespace

std::optional<DataPayload> parse_data(ByteView bytes) {
  WireReader in(bytes);
  DataPayload out;
  out.tag = static_cast<std::uint16_t>(in.uint(2));
  const auto burst = static_cast<unsigned>(in.uint(1));
  out.remaining = static_cast<std::uint8_t>(burst >> 3);
  out.more = (burst & more_bit) != 0;
  out.grant = (burst & grant_bit) != 0;
  out.open = (burst & open_bit) != 0;
  while (!in.failed() && !in.at_end()) {
    const auto first = static_cast<unsigned>(in.uint(1));
    const unsigned flags = first & 31U;
    const auto body = [&] { return (flags & to_end_bit) != 0 ? in.rest() : in.bytes(in.length()); };
    switch (first >> 5) {
      case Fragment: {
        FragmentPart part;
        part.urgent = (flags & urgent_bit) != 0;
        part.first = (flags & first_bit) != 0;
        part.last = (flags & last_bit) != 0;
        part.squeezed = (flags & squeezed_bit) != 0;
        part.seq = static_cast<std::uint16_t>(in.uint(2));
        part.bytes = body();
        if (part.bytes.empty()) return std::nullopt;
        out.parts.emplace_back(part);
        break;
      }
      case Ack: {
        AckPart part;
        part.highest = static_cast<std::uint16_t>(in.uint(2));
        if ((flags & bulk_ack_bit) != 0) part.bulk = read_received(in);
        if ((flags & urgent_ack_bit) != 0) part.urgent = read_received(in);
        out.parts.emplace_back(std::move(part));
        break;
      }
      case Open: {
        OpenPart part;
        part.start = in.uint(8);
        part.salt = static_cast<std::uint8_t>(in.uint(1));
        part.heard = static_cast<std::uint8_t>(in.uint(1));
        out.parts.emplace_back(part);
        break;
      }
      case Value: {
        const ByteView value = body();
        if (value.empty()) return std::nullopt;
        out.parts.emplace_back(ValuePart{value});
        break;
      }
      case Digest: {
        DigestPart part;
        if (const auto digest = Digest8::from(in.bytes(Digest8::size))) part.digest = *digest;
        out.parts.emplace_back(part);
        break;
      }
      case Repair: {
        RepairPart part;
        part.urgent = (flags & urgent_bit) != 0;
        part.squeezed = (flags & squeezed_bit) != 0;
        part.seq = static_cast<std::uint16_t>(in.uint(2));
        part.count = static_cast<std::uint8_t>(in.uint(1));
        part.index = static_cast<std::uint8_t>(in.uint(1));
        part.last_bytes = in.length();
        part.bytes = body();
        if (part.count == 0 || part.last_bytes == 0 || part.last_bytes > part.bytes.size()) return std::nullopt;
        out.parts.emplace_back(part);
        break;
      }
      default:
        return std::nullopt;
    }
  }
  if (in.failed()) return std::nullopt;
  return out;
}

void put_data_head(Bytes& out, std::uint16_t tag, std::uint8_t remaining, bool more, bool grant, bool open) {
  put_uint(out, tag, 2);
  out.push_back(static_cast<std::uint8_t>((remaining << 3) | (more ? more_bit : 0U) | (grant ? grant_bit : 0U) |
                                          (open ? open_bit : 0U)));
}

void put_part(Bytes& out, const FragmentPart& part, bool to_end) {
  out.push_back(head(Fragment, (part.urgent ? urgent_bit : 0U) | (part.first ? first_bit : 0U) |
                                   (part.last ? last_bit : 0U) | (part.squeezed ? squeezed_bit : 0U) |
                                   (to_end ? to_end_bit : 0U)));
  put_uint(out, part.seq, 2);
  if (!to_end) put_length(out, part.bytes.size());
  out.insert(out.end(), part.bytes.begin(), part.bytes.end());
}

void put_part(Bytes& out, const AckPart& part) {
  out.push_back(head(Ack, (part.bulk ? bulk_ack_bit : 0U) | (part.urgent ? urgent_ack_bit : 0U)));
  put_uint(out, part.highest, 2);
  if (part.bulk) put_received(out, *part.bulk);
  if (part.urgent) put_received(out, *part.urgent);
}
std::size_t size_of(const AckPart& part) {
  return 3 + (part.bulk ? 3 + part.bulk->bitmap.size() : 0) + (part.urgent ? 3 + part.urgent->bitmap.size() : 0);
}

void put_part(Bytes& out, const OpenPart& part) {
  out.push_back(head(Open, 0));
  put_uint(out, part.start, 8);
  out.push_back(part.salt);
  out.push_back(part.heard);
}

void put_part(Bytes& out, const ValuePart& part, bool to_end) {
  out.push_back(head(Value, to_end ? to_end_bit : 0U));
  if (!to_end) put_length(out, part.bytes.size());
  out.insert(out.end(), part.bytes.begin(), part.bytes.end());
}

void put_part(Bytes& out, const DigestPart& part) {
  out.push_back(head(Digest, 0));
  out.insert(out.end(), part.digest.value.begin(), part.digest.value.end());
}

void put_part(Bytes& out, const RepairPart& part) {
  out.push_back(head(Repair, (part.urgent ? urgent_bit : 0U) | (part.squeezed ? squeezed_bit : 0U) | to_end_bit));
  put_uint(out, part.seq, 2);
  out.push_back(part.count);
  out.push_back(part.index);
  put_length(out, part.last_bytes);
  out.insert(out.end(), part.bytes.begin(), part.bytes.end());
}

std::optional<std::vector<ByteView>> parse_last_values(ByteView payload, bool many) {
  if (payload.empty()) return std::nullopt;
  if (!many) return std::vector<ByteView>{payload};
  std::vector<ByteView> out;
  WireReader in(payload);
  while (!in.failed() && !in.at_end() && out.size() < last_values_max) out.push_back(in.bytes(in.length()));
  if (in.failed() || !in.at_end()) return std::nullopt;
  return out;
}

void put_message(Bytes& block, ByteView message) {
  put_length(block, message.size());
  block.insert(block.end(), message.begin(), message.end());
}

std::optional<std::vector<ByteView>> parse_block(ByteView block) {
  std::vector<ByteView> out;
  WireReader in(block);
  while (!in.failed() && !in.at_end()) {
    if (out.size() == messages_per_block_max) return std::nullopt;
    const std::size_t length = in.length();
    if (length > message_bytes_max) return std::nullopt;
    out.push_back(in.bytes(length));
  }
  if (in.failed()) return std::nullopt;
  return out;
}

}  // namespace airbridge::bearer
