#include "sync/compact_bytes.hpp"

#include <algorithm>
#include <bit>

namespace airbridge::sync::compact {

using model::DecodeFault;

namespace {
constexpr std::uint64_t one_byte_max = 240, two_bytes_max = 2'287, three_bytes_max = 67'823;
constexpr unsigned golomb_order_max = 20;
constexpr std::uint8_t golomb_flag = 0x80;

unsigned width_of(std::uint64_t value) { return static_cast<unsigned>(std::bit_width(value)); }
// Bits of value + 2^order, with one leading zero for each bit beyond order + 1.
unsigned golomb_bits(std::uint64_t value, unsigned order) { return 2 * width_of(value + (1ULL << order)) - order - 1; }
}  // namespace

void put_big_endian(Bytes& out, std::uint64_t value, std::size_t bytes) {
  for (auto i = bytes; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void put_bytes(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put_number(Bytes& out, std::uint64_t value) {
  if (value <= one_byte_max) {
    out.push_back(static_cast<std::uint8_t>(value));
  } else if (value <= two_bytes_max) {
    put_big_endian(out, value - (one_byte_max + 1) + (std::uint64_t{241} << 8), 2);
  } else if (value <= three_bytes_max) {
    out.push_back(249);
    put_big_endian(out, value - (two_bytes_max + 1), 2);
  } else {
    const auto bytes = std::max<std::size_t>(3, (width_of(value) + 7) / 8);
    out.push_back(static_cast<std::uint8_t>(247 + bytes));
    put_big_endian(out, value, bytes);
  }
}

std::size_t number_size(std::uint64_t value) {
  if (value <= one_byte_max) return 1;
  if (value <= two_bytes_max) return 2;
  if (value <= three_bytes_max) return 3;
  return 1 + std::max<std::size_t>(3, (width_of(value) + 7) / 8);
}

std::uint8_t In::byte() {
  if (!ok() || left() == 0) {
    fail(DecodeFault::Truncated);
    return 0;
  }
  return bytes_[at_++];
}

std::uint64_t In::big_endian(std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | byte();
  return value;
}

std::uint64_t In::number(std::uint64_t max) {
  const std::uint64_t first = byte();
  std::uint64_t value = first;
  if (first > 249) {
    value = big_endian(first - 247);
  } else if (first == 249) {
    value = two_bytes_max + 1 + big_endian(2);
  } else if (first > one_byte_max) {
    value = one_byte_max + 1 + ((first - 241) << 8) + byte();
  }
  if (ok() && value > max) fail(DecodeFault::OutOfRange);
  return ok() ? value : 0;
}

ByteView In::bytes(std::uint64_t count) {
  if (!ok() || count > left()) {
    fail(DecodeFault::Truncated);
    return {};
  }
  const auto out = bytes_.subspan(at_, count);
  at_ += count;
  return out;
}

void put_prefixed(Bytes& out, const Lengths& lengths, Prefixed number) {
  const auto bytes = lengths.bytes[number.form];
  put_big_endian(out, number.value | static_cast<std::uint64_t>(number.form) << (bytes * 8 - 2), bytes);
}

Prefixed get_prefixed(In& in, const Lengths& lengths) {
  const auto first = in.byte();
  const std::size_t form = first >> 6;
  const auto rest = static_cast<std::size_t>(lengths.bytes[form]) - 1;
  const auto low = in.big_endian(rest);
  return {form, static_cast<std::uint64_t>(first & 0x3F) << (rest * 8) | low};
}

std::optional<std::size_t> short_form(const Lengths& lengths, std::uint64_t value) {
  for (std::size_t form = 0; form < 3; ++form) {
    if (value < lengths.limit(form)) return form;
  }
  return std::nullopt;
}

void BitWriter::bits(std::uint64_t value, unsigned count) {
  while (count > 0) {
    if (free_ == 0) {
      out_.push_back(0);
      free_ = 8;
    }
    const auto take = std::min(count, free_);
    const auto part = value >> (count - take) & ((1U << take) - 1);
    out_.back() = static_cast<std::uint8_t>(out_.back() | part << (free_ - take));
    free_ -= take;
    count -= take;
  }
}

void BitWriter::exp_golomb(std::uint64_t value, unsigned order) {
  const auto shifted = value + (std::uint64_t{1} << order);
  const auto width = width_of(shifted);
  bits(0, width - order - 1);
  bits(shifted, width);
}

std::uint64_t BitReader::bits(unsigned count) {
  std::uint64_t value = 0;
  while (count > 0) {
    if (left_ == 0) {
      byte_ = in_.byte();
      left_ = 8;
    }
    if (!in_.ok()) return 0;
    const auto take = std::min(count, left_);
    value = value << take | (static_cast<std::uint64_t>(byte_) >> (left_ - take) & ((1U << take) - 1));
    left_ -= take;
    count -= take;
  }
  return value;
}

std::uint64_t BitReader::exp_golomb(unsigned order) {
  unsigned zeros = 0;
  while (in_.ok() && bits(1) == 0) {
    if (++zeros + order > 63) in_.fail(DecodeFault::OutOfRange);
  }
  if (!in_.ok()) return 0;
  const auto shifted = std::uint64_t{1} << (zeros + order) | bits(zeros + order);
  return shifted - (std::uint64_t{1} << order);
}

void put_column(Bytes& plain, BitWriter& bits, const std::vector<std::uint64_t>& values) {
  unsigned width = 0;
  for (const auto value : values) width = std::max(width, width_of(value));
  std::optional<unsigned> order;
  if (width < 60) {
    auto best = static_cast<std::size_t>(width) * values.size();
    for (unsigned candidate = 0; candidate <= golomb_order_max; ++candidate) {
      std::size_t cost = 0;
      for (const auto value : values) cost += golomb_bits(value, candidate);
      if (cost < best) {
        best = cost;
        order = candidate;
      }
    }
  }
  plain.push_back(static_cast<std::uint8_t>(order ? golomb_flag | *order : width));
  for (const auto value : values) order ? bits.exp_golomb(value, *order) : bits.bits(value, width);
}

std::vector<std::uint64_t> get_column(In& plain, BitReader& bits, std::size_t count) {
  const unsigned mode = plain.byte();
  const bool golomb = (mode & golomb_flag) != 0;
  const auto parameter = mode & 0x7FU;
  if (parameter > (golomb ? golomb_order_max : 64)) plain.fail(DecodeFault::OutOfRange);
  std::vector<std::uint64_t> values;
  for (std::size_t i = 0; i < count && plain.ok(); ++i) {
    values.push_back(golomb ? bits.exp_golomb(parameter) : bits.bits(parameter));
  }
  return values;
}

namespace {
// The byte behind the 0 of a long form.
enum : std::uint8_t { class_mask = 3, whole_writer = 4, has_branch = 8 };
}  // namespace

void put_writer(Bytes& out, const model::Writer& writer) {
  put_bytes(out, writer.author.view());
  put_big_endian(out, writer.incarnation, 4);
}
model::Writer get_writer(In& in) {
  model::Writer writer;
  writer.author.value = in.array<decltype(writer.author.value)>();
  writer.incarnation = static_cast<std::uint32_t>(in.big_endian(4));
  return writer;
}

void put_stream(Bytes& out, const WriterTable* table, const model::StreamId& stream) {
  const auto index = table != nullptr ? table->index_of(stream.writer) : std::nullopt;
  const auto cls = static_cast<std::uint8_t>(stream.cls);
  if (index && !stream.is_branch()) return put_number(out, 1 + *index * model::class_count + cls);
  out.push_back(0);
  out.push_back(static_cast<std::uint8_t>(cls | (index ? 0 : whole_writer) | (stream.is_branch() ? has_branch : 0)));
  index ? put_number(out, *index) : put_writer(out, stream.writer);
  if (!stream.is_branch()) return;
  put_number(out, stream.branch.from);
  put_bytes(out, stream.branch.head);
}

model::StreamId get_stream(In& in, const WriterTable* table) {
  model::StreamId stream;
  const auto from_table = [&](std::uint64_t index) {
    if (in.ok() && (table == nullptr || index >= table->writers().size())) in.fail(DecodeFault::BadReference);
    return in.ok() ? table->writers()[index] : model::Writer{};
  };
  if (const auto short_form = in.number(); short_form != 0) {
    stream.writer = from_table((short_form - 1) / model::class_count);
    stream.cls = static_cast<model::Class>((short_form - 1) % model::class_count);
    return stream;
  }
  const auto flags = in.byte();
  if ((flags & class_mask) >= model::class_count || flags >= 2 * has_branch) in.fail(DecodeFault::OutOfRange);
  stream.cls = static_cast<model::Class>(flags & class_mask);
  stream.writer = (flags & whole_writer) != 0 ? get_writer(in) : from_table(in.number());
  if ((flags & has_branch) != 0) {
    stream.branch.from = in.number();
    if (in.ok() && stream.branch.from == 0) in.fail(DecodeFault::OutOfRange);
    stream.branch.head = in.array<decltype(stream.branch.head)>();
  }
  return in.ok() ? stream : model::StreamId{};
}

}  // namespace airbridge::sync::compact
