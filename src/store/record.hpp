#pragma once
// The bytes of the log: segment headers and records, and the reader that finds its way past damage.
// Written down in docs/protocol/store.md. All integers little-endian.
//
//   segment header, 96 bytes                      record, header 32 bytes, a multiple of 8 in all
//    0  8 "AIRBLOG1"                               0  4 magic "ABR1"
//    8  4 format (1)                               4  4 length of the payload
//   12  4 segment number, from 1                   8  4 CRC32C of everything else, padding included; seed: salt
//   16 32 incident                                12  1 kind
//   48  8 first arrival number                    13  1 flags (1: last of its batch)
//   56  8 end of the segment before, its bytes    14  2 zero
//         beyond that never counted               16  8 arrival number, from 1
//   64  4 salt                                    24  8 arrival time, ms since 1970 UTC
//   68  4 zero                                    32  n payload, then zeros to a multiple of 8
//   72  8 made at, ms since 1970 UTC
//   80 12 zero
//   92  4 CRC32C of bytes 0..92
//
// The salt is drawn when a store is made and never leaves it. Bytes that look like a record inside somebody's event
// therefore do not pass for one when the reader resynchronises behind damage.
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include "base/time.hpp"
#include "model/entry.hpp"
#include "store/disk.hpp"

namespace airbridge::store {

inline constexpr std::uint32_t store_format = 2;
inline constexpr std::size_t segment_header_bytes = 96;
inline constexpr std::size_t record_header_bytes = 32;
inline constexpr std::size_t payload_bytes_max = 128 * 1024;  // an event of 64 KiB with all around it, and room
inline constexpr std::uint32_t record_magic = 0x31524241;     // "ABR1"
inline constexpr std::uint8_t flag_ends_batch = 1;

enum class Kind : std::uint8_t {
  Entry = 1,            // h_n 32 B | command id 16 B or zeros | encode(Entry)
  Seal = 2,             // encode(Seal)
  AuthorKey = 3,        // Ed25519 public key 32 B; its key id is its hash
  Incarnation = 4,      // u32 incarnation | u32 reason | author's key id 16 B
  Genesis = 5,          // encode(Genesis)
  ShreddedPrivate = 6,  // reserved: which private parts were shredded
  Withdrawn =
      7,      // key id 16 B | u32 incarnation | u8 class, 3 zeros | u64 from: entries before this that never counted
  Probe = 8,  // nothing: written to learn whether a disk that failed takes writes again
};

struct SegmentHeader {
  std::uint32_t format = store_format;
  std::uint32_t number = 1;
  model::IncidentId incident;
  std::uint64_t first_arrival = 1;
  std::uint64_t previous_end = 0;
  std::uint32_t salt = 0;
  UtcTime made{};
};
Bytes encode(const SegmentHeader& header);
std::optional<SegmentHeader> decode_segment_header(ByteView bytes);
std::string segment_name(std::uint32_t number);  // "log-00000001.seg"
std::optional<std::uint32_t> segment_number(std::string_view name);

struct RecordHeader {
  Kind kind = Kind::Entry;  // may hold a code this version does not know: kept and skipped
  std::uint8_t flags = 0;
  std::uint16_t batch = 0;  // which sync wrote it
  std::uint64_t arrival = 0;
  UtcTime time{};
};
// Appends the bytes of a record to `out`, whose size is a multiple of 8.
void put_record(Bytes& out, const RecordHeader& header, std::initializer_list<ByteView> payload, std::uint32_t salt);
// The same in two steps, for a payload that is made in place: begin, append the payload to `out`, and end with the
// offset that begin gave.
std::size_t begin_record(Bytes& out);
void end_record(Bytes& out, std::size_t offset, const RecordHeader& header, std::uint32_t salt);
// Sets flag_ends_batch in the record that begins at `offset` of `out`.
void mark_batch_end(Bytes& out, std::size_t offset, std::uint32_t salt);
constexpr std::size_t record_size(std::size_t payload) { return (record_header_bytes + payload + 7) / 8 * 8; }

// A record as it lies in a buffer; valid as long as the buffer.
struct RecordView {
  RecordHeader header;
  ByteView payload;
  std::uint64_t offset = 0;  // in its segment
  std::uint64_t end() const { return offset + record_size(payload.size()); }
};

// Where a record lies: segment number and offset, packed. 0 is nowhere.
struct Location {
  std::uint64_t packed = 0;
  static constexpr Location of(std::uint32_t segment, std::uint64_t offset) {
    return {static_cast<std::uint64_t>(segment) << 40 | offset};
  }
  constexpr std::uint32_t segment() const { return static_cast<std::uint32_t>(packed >> 40); }
  constexpr std::uint64_t offset() const { return packed & ((std::uint64_t{1} << 40) - 1); }
  constexpr explicit operator bool() const { return packed != 0; }
  friend constexpr auto operator<=>(const Location&, const Location&) = default;
};

// Reads the records of one segment in order, in bounded memory. Damage is stepped over: the next whole record, found
// by magic and checksum, goes on; a flipped length swallows nothing. Blocks the disk cannot read count as damaged.
class SegmentReader {
 public:
  // Reads [from, end) of `file`, which must outlive the reader.
  SegmentReader(const File& file, std::uint64_t from, std::uint64_t end, std::uint32_t salt)
      : file_(&file), at_(from), end_(end), salt_(salt), buffer_start_(from) {}

  struct Damage {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    bool to_end = false;  // no whole record follows
  };
  struct End {
    std::uint64_t offset = 0;  // behind the last record; from here on there are only zeros, or nothing
  };
  using Item = std::variant<RecordView, Damage, End>;
  Item next();

 private:
  ByteView view(std::uint64_t offset, std::size_t length);
  void load(std::uint64_t offset, std::size_t length);
  std::optional<RecordView> record_at(std::uint64_t offset);

  const File* file_;
  std::uint64_t at_;
  std::uint64_t end_;
  std::uint32_t salt_;
  std::unique_ptr<std::uint8_t[]> buffer_;  // no vector: that would write zeros where the file is read to
  std::size_t buffer_room_ = 0;
  std::size_t buffer_size_ = 0;
  std::uint64_t buffer_start_;
};

// One record at a known place, its checksum verified; nothing when it is damaged. `scratch` holds its bytes.
std::optional<RecordView> read_record(const File& file, std::uint64_t offset, std::uint32_t salt, Bytes& scratch);

// The payload of Kind::Entry, taken apart.
struct EntryPayload {
  model::Hash head;
  model::CommandId command;
  ByteView entry;
};
std::optional<EntryPayload> split_entry(ByteView payload);

}  // namespace airbridge::store
