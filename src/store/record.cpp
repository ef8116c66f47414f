#include "store/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/hash.hpp"
#include "store/little_endian.hpp"

namespace airbridge::store {
namespace {

constexpr std::string_view segment_magic = "AIRBLOG1";
constexpr std::size_t read_chunk = 256 * 1024;
constexpr std::size_t bad_block = 512;  // what is given up at once where the disk cannot read

std::uint32_t checksum(ByteView record, std::uint32_t salt) {
  return crc32c(record.subspan(12), crc32c(record.first(8), salt));
}

RecordView parse(ByteView record, std::uint64_t offset) {
  RecordView view;
  view.header.kind = static_cast<Kind>(record[12]);
  view.header.flags = record[13];
  view.header.batch = get_le<std::uint16_t>(&record[14]);
  view.header.arrival = get_le<std::uint64_t>(&record[16]);
  view.header.time = utc_from_ms(get_le<std::int64_t>(&record[24]));
  view.payload = record.subspan(record_header_bytes, get_le<std::uint32_t>(&record[4]));
  view.offset = offset;
  return view;
}

// The length of the whole record whose header this seems to be; 0 when it is none.
std::size_t plausible_size(ByteView header) {
  if (get_le<std::uint32_t>(&header[0]) != record_magic) return 0;
  const auto length = get_le<std::uint32_t>(&header[4]);
  return length > payload_bytes_max ? 0 : record_size(length);
}

}  // namespace

Bytes encode(const SegmentHeader& header) {
  Bytes out;
  const auto add = [&](ByteView part) { out.insert(out.end(), part.begin(), part.end()); };
  add(as_bytes(segment_magic));
  append_le(out, header.format);
  append_le(out, header.number);
  add(header.incident.view());
  append_le(out, header.first_arrival);
  append_le(out, header.previous_end);
  append_le(out, header.salt);
  append_le(out, std::uint32_t{0});
  append_le(out, ms_of(header.made));
  out.resize(segment_header_bytes - 4);
  append_le(out, crc32c(out));
  return out;
}

std::optional<SegmentHeader> decode_segment_header(ByteView bytes) {
  if (bytes.size() < segment_header_bytes || as_text(bytes.first(8)) != segment_magic) return std::nullopt;
  const auto body = bytes.first(segment_header_bytes - 4);
  if (crc32c(body) != get_le<std::uint32_t>(&bytes[segment_header_bytes - 4])) return std::nullopt;
  LeReader in(body.subspan(8));
  SegmentHeader header;
  header.format = in.number<std::uint32_t>();
  header.number = in.number<std::uint32_t>();
  header.incident = in.fixed<model::IncidentId>();
  header.first_arrival = in.number<std::uint64_t>();
  header.previous_end = in.number<std::uint64_t>();
  header.salt = in.number<std::uint32_t>();
  in.number<std::uint32_t>();
  header.made = utc_from_ms(in.number<std::int64_t>());
  return header;
}

std::string segment_name(std::uint32_t number) { return fmt::format("log-{:08}.seg", number); }

std::optional<std::uint32_t> segment_number(std::string_view name) {
  if (name.size() != 16 || !name.starts_with("log-") || !name.ends_with(".seg")) return std::nullopt;
  std::uint32_t number = 0;
  const char* const end = name.data() + 12;
  const auto [stop, error] = std::from_chars(name.data() + 4, end, number);
  if (error != std::errc{} || stop != end || number == 0) return std::nullopt;
  return number;
}

void put_record(Bytes& out, const RecordHeader& header, std::initializer_list<ByteView> payload, std::uint32_t salt) {
  const auto start = begin_record(out);
  for (const auto part : payload) out.insert(out.end(), part.begin(), part.end());
  end_record(out, start, header, salt);
}

std::size_t begin_record(Bytes& out) {
  const auto start = out.size();
  out.resize(start + record_header_bytes);
  return start;
}

void end_record(Bytes& out, std::size_t start, const RecordHeader& header, std::uint32_t salt) {
  const auto length = out.size() - start - record_header_bytes;
  out.resize(start + record_size(length));
  std::uint8_t* const at = out.data() + start;
  put_le(at, record_magic);
  put_le(at + 4, static_cast<std::uint32_t>(length));
  at[12] = static_cast<std::uint8_t>(header.kind);
  at[13] = header.flags;
  put_le(at + 14, header.batch);
  put_le(at + 16, header.arrival);
  put_le(at + 24, ms_of(header.time));
  put_le(at + 8, checksum(ByteView(out).subspan(start), salt));
}

void mark_batch_end(Bytes& out, std::size_t offset, std::uint32_t salt) {
  out[offset + 13] |= flag_ends_batch;
  const auto size = record_size(get_le<std::uint32_t>(&out[offset + 4]));
  put_le(&out[offset + 8], checksum(ByteView(out).subspan(offset, size), salt));
}

void SegmentReader::load(std::uint64_t offset, std::size_t length) {
  const auto wanted = std::min<std::uint64_t>(std::max(length, read_chunk), end_ - offset);
  buffer_size_ = static_cast<std::size_t>(wanted);
  if (buffer_size_ > buffer_room_) {
    buffer_ = std::make_unique_for_overwrite<std::uint8_t[]>(buffer_size_);
    buffer_room_ = buffer_size_;
  }
  buffer_start_ = offset;
  const std::span buffer(buffer_.get(), buffer_size_);
  const auto got = file_->read_at(offset, buffer);
  if (got) {
    buffer_size_ = *got;
    return;
  }
  // A bad sector: what can be read counts, the rest reads as zeros and so as damage.
  std::fill(buffer.begin(), buffer.end(), std::uint8_t{0});
  for (std::size_t at = 0; at < buffer.size(); at += bad_block) {
    const auto part = buffer.subspan(at, std::min(bad_block, buffer.size() - at));
    if (!file_->read_at(offset + at, part)) std::fill(part.begin(), part.end(), std::uint8_t{0});
  }
}

ByteView SegmentReader::view(std::uint64_t offset, std::size_t length) {
  if (offset >= end_ || length > end_ - offset) return {};
  const auto inside = [&] { return offset >= buffer_start_ && offset + length <= buffer_start_ + buffer_size_; };
  if (!inside()) load(offset, length);
  if (!inside()) return {};  // the file is shorter than it was said to be
  return ByteView(buffer_.get(), buffer_size_).subspan(static_cast<std::size_t>(offset - buffer_start_), length);
}

std::optional<RecordView> SegmentReader::record_at(std::uint64_t offset) {
  const auto header = view(offset, record_header_bytes);
  if (header.empty()) return std::nullopt;
  const auto size = plausible_size(header);
  if (size == 0) return std::nullopt;
  const auto record = view(offset, size);
  if (record.empty() || checksum(record, salt_) != get_le<std::uint32_t>(&record[8])) return std::nullopt;
  return parse(record, offset);
}

SegmentReader::Item SegmentReader::next() {
  if (auto record = record_at(at_)) {
    at_ = record->end();
    return *record;
  }
  const auto start = at_;
  std::uint64_t last_nonzero = start;  // behind the last byte that is not zero
  while (at_ < end_) {
    const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(8, end_ - at_));
    const auto word = view(at_, step);
    if (word.empty()) break;
    if (std::any_of(word.begin(), word.end(), [](auto byte) { return byte != 0; })) last_nonzero = at_ + step;
    at_ += step;
    if (step == 8 && record_at(at_)) return Damage{start, at_ - start, false};
  }
  at_ = end_;
  if (last_nonzero == start) {
    end_ = start;
    at_ = start;
    return End{start};
  }
  end_ = last_nonzero;
  at_ = last_nonzero;
  return Damage{start, last_nonzero - start, true};
}

std::optional<RecordView> read_record(const File& file, std::uint64_t offset, std::uint32_t salt, Bytes& scratch) {
  // Most records are small: one read brings header and payload.
  constexpr std::size_t first_read = 1024;
  scratch.resize(first_read);
  auto got = file.read_at(offset, scratch);
  if (!got || *got < record_header_bytes) return std::nullopt;
  const auto size = plausible_size(scratch);
  if (size == 0) return std::nullopt;
  if (size > *got) {
    scratch.resize(size);
    got = file.read_at(offset, scratch);
    if (!got || *got < size) return std::nullopt;
  }
  const auto record = ByteView(scratch).first(size);
  if (checksum(record, salt) != get_le<std::uint32_t>(&record[8])) return std::nullopt;
  return parse(record, offset);
}

std::optional<EntryPayload> split_entry(ByteView payload) {
  constexpr std::size_t fixed = model::Hash::size + model::CommandId::size;
  if (payload.size() < fixed) return std::nullopt;
  return EntryPayload{*model::Hash::from(payload.first(model::Hash::size)),
                      *model::CommandId::from(payload.subspan(model::Hash::size, model::CommandId::size)),
                      payload.subspan(fixed)};
}

}  // namespace airbridge::store
