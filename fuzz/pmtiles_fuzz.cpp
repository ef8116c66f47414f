// A PMTiles archive as an unfriendly maker might write it: opened, and asked for tiles all over its pyramid.
#include <cstdlib>

#include "base/log.hpp"
#include "tiles/pmtiles.hpp"
#include "tiles/tile_text.hpp"

using namespace airbridge;
using namespace airbridge::tiles;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::configure(log::Level::Off, log::Format::Text);
  const auto map = Pmtiles::create(bytes_in_memory(Bytes(data, data + size)), "fuzz.pmtiles", {});
  if (!map) {
    require(map.error().what.starts_with("fuzz.pmtiles: "));
    return 0;
  }
  const TileInfo& info = (*map)->info();
  require(info.minzoom <= info.maxzoom && info.maxzoom <= zoom_max);
  require(info.title.find_first_of("<>") == std::string::npos && info.title.size() <= text_bytes_max);
  require(info.attribution.find_first_of("<>") == std::string::npos && info.attribution.size() <= text_bytes_max);
  for (std::uint32_t z = 0; z <= zoom_max; z += z < 3 ? 1 : 9) {
    for (std::uint32_t x = 0; x < (1U << (z < 3 ? z : 0)); ++x) {
      for (std::uint32_t y = 0; y < (1U << (z < 3 ? z : 0)); ++y) {
        const auto tile = (*map)->tile({z, x, y});
        if (!tile || !*tile) continue;
        require(!(*tile)->bytes.empty() && (*tile)->bytes.size() <= size);
        if ((*tile)->gzip) {
          const auto expanded = gunzip((*tile)->bytes, 1'000'000);
          require(!expanded || expanded->size() <= 1'000'000);
        }
      }
    }
  }
  require(static_cast<const Pmtiles&>(**map).cached_entries() <= cached_entries_max);
  return 0;
}
