#pragma once
// The bytes of a bundle: events in a file that any courier may carry (docs/protocol/bundle.md).
//
//   file   "AIRBNDL" version (1), then chunks: one head, any number of frames, one end
//
// A chunk, numbers big-endian:
//
//   offset  size  what
//   0       4     "ABCK"
//   4       1     kind: 1 head, 2 frames, 3 end
//   5       1     bit 0: the content is compressed (zstd, one frame); bits 1 to 7: 0 in version 1
//   6       2     0
//   8       4     number of the chunk in its file, the head's is 0
//   12      4     n, bytes of the content in the file
//   16      4     bytes of the content when unpacked, at most chunk_plain_max
//   20      4     CRC32C of the content in the file
//   24      4     CRC32C of bytes 0 to 23
//   28      n     content
//
// Each chunk is whole by itself, so that a file that was cut, torn or damaged gives everything that is not in the
// damaged part. Checksums find accidents; that events are their authors' is seen from chains and seals (sync/core.hpp).
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "sync/vector.hpp"
#include "trust/keys.hpp"

namespace airbridge::bundle {

inline constexpr std::uint8_t format_version = 1;
inline constexpr std::size_t file_start_bytes = 8;
inline constexpr std::size_t chunk_head_bytes = 28;
inline constexpr std::size_t chunk_plain_target = 256 * 1024;                 // a chunk of frames ends at about this
inline constexpr std::size_t chunk_plain_max = 2 * 1024 * 1024;               // a longer one is damage
inline constexpr std::size_t chunk_stored_max = chunk_plain_max + 64 * 1024;  // zstd adds little to what it cannot pack
inline constexpr std::size_t damages_max = 64;  // of one file; then the rest of it is given up
inline constexpr std::size_t vector_streams_max = 24'000;
inline constexpr std::size_t for_name_bytes_max = 64;
inline constexpr std::size_t lacks_max = 4'096;  // private parts a head asks for; the next one asks for more

using BundleId = FixedBytes<8, struct BundleTag>;  // random, one a writing: the parts of it have the same

// What a bundle is, in front of its events and signed by the node that wrote it.
struct Head {
  model::IncidentId incident;
  std::string incident_name;
  model::PublicKey writer;  // Ed25519 key of the node
  std::string writer_name;  // as it calls itself
  UtcTime written{};        // by the writer's clock
  BundleId id;
  std::uint32_t part = 1;                          // 1, 2, ...
  model::Class class_max = model::Class::Routine;  // less urgent events were left out on purpose
  std::string for_name;                            // for whom it was written; empty: nobody named
  sync::HeldVector holds;                          // what the writer had on disk then
  sync::HeldVector since;         // the events begin after these, which were left out on purpose; empty: with the first
  std::vector<model::Dot> lacks;  // ascending: events of which the writer has no private part, though there is one
  bool is_signed = false;         // by `writer`: found when read
};

struct End {
  std::uint32_t chunks = 0;  // before this one, the head included
  std::uint64_t events = 0;  // in this file
  bool more_parts = false;
};

using Sign = std::function<model::Signature(ByteView text)>;

// The beginning of a file: its first eight bytes and the head's chunk. `head` must fit into a chunk: vectors of at most
// vector_streams_max streams do.
Bytes begin_file(const Head& head, const Sign& sign);
Bytes frames_chunk(std::uint32_t number, ByteView frames);  // at most chunk_plain_max bytes
Bytes end_chunk(std::uint32_t number, const End& end);

// What a reader comes upon.
struct Frames {
  std::uint32_t number = 0;
  Bytes frames;  // whole ones, one after the other
};
struct Damage {
  std::uint64_t offset = 0;  // in the file
  std::string what;
};
using Item = std::variant<Head, Frames, End, Damage>;

// Reads a file in whatever pieces it comes. Holds at most one chunk and what was fed since.
class Reader {
 public:
  void feed(ByteView bytes);
  void finish();  // nothing more comes
  // The next item; none: feed more, or it is over. After refusal() nothing comes any more.
  std::optional<Item> next();
  // Why this is no bundle that this version reads, in words for a person; empty: it is one, so far.
  const std::string& refusal() const { return refusal_; }
  bool ended() const { return ended_; }  // the end's chunk was read: nothing is cut off
  std::uint64_t bytes_read() const { return base_ + at_; }

 private:
  ByteView rest() const { return ByteView(held_).subspan(at_); }
  bool read_start();
  bool seek_chunk();
  std::optional<Item> take_chunk(ByteView head, ByteView content);
  std::optional<Item> wait_for_more();
  Damage damaged(std::string what, std::size_t skip);

  Bytes held_;
  std::size_t at_ = 0;      // of held_
  std::uint64_t base_ = 0;  // of held_ in the file
  bool started_ = false, finished_ = false, ended_ = false, over_ = false;
  bool lost_ = false;  // since the last damage no chunk was found
  std::size_t damages_ = 0;
  std::string refusal_;
};

}  // namespace airbridge::bundle
