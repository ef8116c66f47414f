#include "tiles/pmtiles_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace airbridge::tiles {

namespace {

std::uint64_t little_endian(ByteView bytes, std::size_t at, std::size_t size) {
  std::uint64_t out = 0;
  for (std::size_t i = size; i-- > 0;) out = out << 8 | bytes[at + i];
  return out;
}

double degrees_e7(ByteView bytes, std::size_t at) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(little_endian(bytes, at, 4))) / 1e7;
}

bool inside(const FileSection& section, std::uint64_t size) {
  return section.offset <= size && section.length <= size - section.offset;
}

// Reads LEB128 numbers of at most 64 bits, one after the other.
struct VarintReader {
  ByteView rest;
  bool failed = false;

  std::uint64_t next() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
      const std::uint8_t byte = rest[0];
      rest = rest.subspan(1);
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      out |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return out;
    }
    failed = true;
    return 0;
  }
};

}  // namespace

Result<PmtilesHeader, std::string> parse_pmtiles_header(ByteView bytes, std::uint64_t file_size) {
  if (bytes.size() < pmtiles_header_size) {
    return failure(fmt::format("is cut off: a PMTiles file begins with a header of {} bytes", pmtiles_header_size));
  }
  if (as_text(bytes.first(7)) != "PMTiles") return failure(std::string("is not a PMTiles file"));
  if (bytes[7] != 3) return failure(fmt::format("is PMTiles version {}; only version 3 can be read", bytes[7]));

  PmtilesHeader header;
  const std::tuple<FileSection&, std::size_t, std::string_view> sections[] = {{header.root, 8, "root directory"},
                                                                              {header.metadata, 24, "metadata"},
                                                                              {header.leaves, 40, "leaf directories"},
                                                                              {header.tiles, 56, "tile data"}};
  for (const auto& [section, at, words] : sections) {
    section = {little_endian(bytes, at, 8), little_endian(bytes, at + 8, 8)};
    if (!inside(section, file_size)) {
      return failure(fmt::format("is cut off or damaged: its {} ({} bytes from byte {}) reach past its end at {}",
                                 words, section.length, section.offset, file_size));
    }
  }
  if (!inside(header.root, pmtiles_root_end_max) || header.root.length == 0) {
    return failure(
        fmt::format("is damaged: its root directory is not within the first {} bytes", pmtiles_root_end_max));
  }
  if (header.metadata.length > metadata_bytes_max) return failure(std::string("is damaged: its metadata are too long"));
  header.directory_compression = static_cast<PmtilesCompression>(bytes[97]);
  header.tile_compression = static_cast<PmtilesCompression>(bytes[98]);
  header.type = static_cast<PmtilesType>(bytes[99]);
  if (header.directory_compression != PmtilesCompression::None &&
      header.directory_compression != PmtilesCompression::Gzip) {
    return failure(fmt::format("has directories in a compression that cannot be read ({}); only none (1) and gzip (2)",
                               bytes[97]));
  }
  if (bytes[98] > static_cast<std::uint8_t>(PmtilesCompression::Gzip)) {
    return failure(
        fmt::format("has tiles in a compression that cannot be read ({}); only none (1) and gzip (2)", bytes[98]));
  }
  if (bytes[99] > static_cast<std::uint8_t>(PmtilesType::Avif)) {
    return failure(fmt::format("has tiles of an unknown type ({})", bytes[99]));
  }
  header.minzoom = bytes[100];
  header.maxzoom = bytes[101];
  if (header.minzoom > header.maxzoom || header.maxzoom > zoom_max) {
    return failure(fmt::format("is damaged: it claims zoom levels {} to {}", header.minzoom, header.maxzoom));
  }
  const TileBounds said{degrees_e7(bytes, 102), degrees_e7(bytes, 106), degrees_e7(bytes, 110), degrees_e7(bytes, 114)};
  const auto sane = [](double west_east, double south_north) {
    return west_east >= -180 && west_east <= 180 && south_north >= -90 && south_north <= 90;
  };
  // Zeros mean that the writer did not know; a corner off the globe is no reason to do without the map either.
  const bool known =
      sane(said.west, said.south) && sane(said.east, said.north) && said.south < said.north && said.west != said.east;
  if (known) header.bounds = said;
  return header;
}

Result<Directory, std::string> parse_directory(ByteView expanded) {
  const auto damaged = [](std::string_view how) { return failure(fmt::format("is damaged: a directory {}", how)); };
  VarintReader reader{expanded};
  const auto count = reader.next();
  constexpr std::size_t entry_bytes_min = 4;
  if (reader.failed || count == 0) return damaged("is empty");
  if (count > directory_entries_max) return damaged(fmt::format("claims {} entries", count));
  if (count > reader.rest.size() / entry_bytes_min) return damaged("ends too early");

  Directory directory(static_cast<std::size_t>(count));
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < directory.size(); ++i) {
    const auto step = reader.next();
    if ((i > 0 && step == 0) || step > UINT64_MAX / 2 - id) return damaged("is not in order");
    id += step;
    directory[i].tile_id = id;
  }
  for (auto& entry : directory) {
    const auto run = reader.next();
    if (run > UINT32_MAX) return damaged("has a run that is too long");
    entry.run_length = static_cast<std::uint32_t>(run);
  }
  for (auto& entry : directory) {
    const auto length = reader.next();
    if (length == 0 || length > UINT32_MAX) return damaged(fmt::format("has an entry of {} bytes", length));
    entry.length = static_cast<std::uint32_t>(length);
  }
  for (std::size_t i = 0; i < directory.size(); ++i) {
    const auto number = reader.next();
    // 0 means "right after the one before", else it is the offset plus one.
    if (number == 0 && i == 0) return damaged("has a first entry without an offset");
    directory[i].offset = number == 0 ? directory[i - 1].offset + directory[i - 1].length : number - 1;
    if (directory[i].offset > UINT64_MAX / 2) return damaged("points outside the file");
  }
  if (reader.failed) return damaged("ends too early");
  return directory;
}

const DirectoryEntry* find_entry(const Directory& directory, std::uint64_t tile_id) {
  const auto after = std::upper_bound(directory.begin(), directory.end(), tile_id,
                                      [](std::uint64_t id, const DirectoryEntry& entry) { return id < entry.tile_id; });
  if (after == directory.begin()) return nullptr;
  const auto& entry = *std::prev(after);
  if (entry.run_length == 0) return &entry;
  return tile_id - entry.tile_id < entry.run_length ? &entry : nullptr;
}

std::uint64_t tile_id_of(const TileAddress& at) {
  std::uint64_t id = 0;
  for (std::uint32_t z = 0; z < at.z; ++z) id += std::uint64_t{1} << (2 * z);  // the levels above
  // Along the curve: take one bit of x and y at a time, from the top, turning the rest into the quadrant's own frame.
  const std::uint64_t side = std::uint64_t{1} << at.z;
  std::uint64_t x = at.x;
  std::uint64_t y = at.y;
  for (std::uint64_t half = side / 2; half > 0; half /= 2) {
    const bool east = (x & half) != 0;
    const bool south = (y & half) != 0;
    id += half * half * ((east ? 3U : 0U) ^ (south ? 1U : 0U));
    if (!south) {
      if (east) {
        x = side - 1 - x;
        y = side - 1 - y;
      }
      std::swap(x, y);
    }
  }
  return id;
}

}  // namespace airbridge::tiles
