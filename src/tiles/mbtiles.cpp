#include "tiles/mbtiles.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "base/log.hpp"
#include "tiles/tile_text.hpp"

namespace airbridge::tiles {

namespace {

constexpr int progress_every = 1'000;  // steps of SQLite's machine

// SQLite zero-fills what a short file lacks, and may answer from it; its own header tells how long it should be
// (https://www.sqlite.org/fileformat2.html section 1.3).
std::optional<std::uint64_t> size_by_header(ByteView head) {
  if (head.size() < 100) return std::nullopt;
  const auto u32 = [&](std::size_t at) {
    return std::uint64_t{head[at]} << 24 | std::uint64_t{head[at + 1]} << 16 | std::uint64_t{head[at + 2]} << 8 |
           head[at + 3];
  };
  const std::uint64_t raw = std::uint64_t{head[16]} << 8 | head[17];
  const std::uint64_t page = raw == 1 ? 65'536 : raw;
  return u32(24) == u32(92) ? page * u32(28) : 0;  // an old SQLite wrote it last: the page count cannot be relied on
}

std::string uri_of(const std::filesystem::path& path) {
  std::string out = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                       c == '.' || c == '-' || c == '_';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out + "?mode=ro&immutable=1";
}

// Reading is all that a map file's views may do.
int allow_reading(void*, int action, const char*, const char* function, const char*, const char*) {
  if (action == SQLITE_SELECT || action == SQLITE_READ) return SQLITE_OK;
  if (action == SQLITE_FUNCTION && std::string_view(function) != "load_extension") return SQLITE_OK;
  return SQLITE_DENY;
}

std::optional<std::uint32_t> zoom_from(std::string_view text) {
  std::uint32_t zoom = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), zoom);
  if (error != std::errc{} || stop != text.data() + text.size() || zoom > zoom_max) return std::nullopt;
  return zoom;
}

// "west,south,east,north" in degrees.
std::optional<TileBounds> bounds_from(std::string_view text) {
  std::array<double, 4> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc{} || !std::isfinite(numbers[i])) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    if (i < 3 && !text.starts_with(',')) return std::nullopt;
    if (i < 3) text.remove_prefix(1);
  }
  const auto [west, south, east, north] = numbers;
  if (west < -180.001 || east > 180.001 || south < -90 || north > 90 || south >= north || west == east || west > 180 ||
      east < -180) {
    return std::nullopt;
  }
  return TileBounds{std::max(west, -180.0), south, std::min(east, 180.0), north};
}

struct Format {
  std::string_view said;
  std::string_view content_type;
};
constexpr std::string_view vector_type = "application/vnd.mapbox-vector-tile";
constexpr Format formats[] = {
    {"png", "image/png"},         {"jpg", "image/jpeg"},        {"jpeg", "image/jpeg"},
    {"webp", "image/webp"},       {"avif", "image/avif"},       {"image/png", "image/png"},
    {"image/jpeg", "image/jpeg"}, {"image/webp", "image/webp"}, {"pbf", vector_type},
    {"mvt", vector_type},         {vector_type, vector_type},   {"application/x-protobuf", vector_type}};

std::string_view type_by_word(std::string_view said) {
  for (const auto& format : formats) {
    if (format.said == said) return format.content_type;
  }
  return {};
}

std::string_view text_of(sqlite3_stmt* row, int column) {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
  return text == nullptr ? std::string_view{}
                         : std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}

}  // namespace

void Mbtiles::CloseDatabase::operator()(sqlite3* database) const { sqlite3_close(database); }
void Mbtiles::EndStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Result<std::unique_ptr<TileSource>, TileError> Mbtiles::create(const std::filesystem::path& path, ByteView head,
                                                               std::uint64_t file_size, TileInfo info) {
  const auto file = path.string();
  const auto fail = [&](const std::string& what) { return failure(TileError{file + ": " + what}); };
  const auto due = size_by_header(head);
  if (!due || file_size < *due) {
    return fail(fmt::format("is cut off: {} bytes are here, {} should be", file_size, due.value_or(100)));
  }
  info.format = TileFormat::Mbtiles;
  std::unique_ptr<Mbtiles> made(new Mbtiles(file, std::move(info)));
  if (auto opened = made->open(path); !opened) return fail(opened.error());
  if (auto read = made->read_metadata(); !read) return fail(read.error());
  auto statement =
      made->prepare("SELECT tile_data FROM tiles WHERE zoom_level = ?1 AND tile_column = ?2 AND tile_row = ?3 LIMIT 1");
  if (!statement) return fail(statement.error());
  made->find_ = *std::move(statement);
  if (auto learnt = made->learn_kind(); !learnt) return fail(learnt.error());
  if (auto learnt = made->learn_zooms(); !learnt) return fail(learnt.error());
  // A tile that cannot be there: without an index this walks the whole table, and would each time.
  if (auto probe = made->find({zoom_max, 0, 0}); !probe) return fail(probe.error());
  return made;
}

Result<void, std::string> Mbtiles::open(const std::filesystem::path& path) {
  sqlite3* raw = nullptr;
  const int said = sqlite3_open_v2(uri_of(path).c_str(), &raw,
                                   SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  database_.reset(raw);
  if (said != SQLITE_OK) return failure(fmt::format("cannot be opened: {}", sqlite3_errstr(said)));
  // https://www.sqlite.org/security.html, "untrusted SQLite database files"
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_limit(raw, SQLITE_LIMIT_LENGTH, static_cast<int>(tile_bytes_max));
  sqlite3_limit(raw, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(raw, SQLITE_LIMIT_VDBE_OP, 25'000);
  sqlite3_exec(raw, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA cache_size=-2048", nullptr, nullptr,
               nullptr);
  sqlite3_set_authorizer(raw, allow_reading, nullptr);
  sqlite3_progress_handler(
      raw, progress_every,
      [](void* self) { return (static_cast<Mbtiles*>(self)->steps_left_ -= progress_every) < 0 ? 1 : 0; }, this);
  return {};
}

Result<Mbtiles::Statement, std::string> Mbtiles::prepare(const char* sql) {
  steps_left_ = open_steps_max;
  sqlite3_stmt* raw = nullptr;
  const int said = sqlite3_prepare_v2(database_.get(), sql, -1, &raw, nullptr);
  Statement statement(raw);
  if (said == SQLITE_OK) return statement;
  return failure(fmt::format("is not MBTiles, or is damaged: {}", sqlite3_errmsg(database_.get())));
}

Result<bool, std::string> Mbtiles::step(sqlite3_stmt* statement, int steps_max) {
  steps_left_ = steps_max;
  const int said = sqlite3_step(statement);
  if (said == SQLITE_ROW) return true;
  if (said == SQLITE_DONE) return false;
  if (said == SQLITE_INTERRUPT) {
    return failure(std::string("is too slow to read; does it lack an index on (zoom_level, tile_column, tile_row)?"));
  }
  return failure(fmt::format("is damaged: {}", sqlite3_errmsg(database_.get())));
}

Result<void, std::string> Mbtiles::read_metadata() {
  const auto statement = prepare("SELECT name, value FROM metadata");
  if (!statement) return failure(statement.error());
  std::optional<std::uint32_t> minzoom, maxzoom;
  for (std::size_t rows = 0; rows < metadata_rows_max; ++rows) {
    const auto row = step(statement->get(), open_steps_max);
    if (!row) return failure(row.error());
    if (!*row) break;
    const auto name = text_of(statement->get(), 0);
    const auto value = text_of(statement->get(), 1);
    if (name == "name" && !plain_text(value).empty()) info_.title = plain_text(value);
    if (name == "attribution") info_.attribution = plain_text(value);
    if (name == "format") said_format_ = value;
    if (name == "minzoom") minzoom = zoom_from(value);
    if (name == "maxzoom") maxzoom = zoom_from(value);
    if (name != "bounds") continue;
    if (const auto bounds = bounds_from(value)) {
      info_.bounds = *bounds;
    } else {
      log::warn("tiles", "the bounds of a map file cannot be read, the whole world is assumed",
                {{"file", file_}, {"bounds", value}});
    }
  }
  zooms_known_ = minzoom && maxzoom;
  if (zooms_known_ && *minzoom > *maxzoom) {
    return failure(fmt::format("is damaged: it claims zoom levels {} to {}", *minzoom, *maxzoom));
  }
  info_.minzoom = minzoom.value_or(0);
  info_.maxzoom = maxzoom.value_or(0);
  return {};
}

Result<void, std::string> Mbtiles::learn_zooms() {
  if (zooms_known_) return {};
  const auto statement = prepare("SELECT min(zoom_level), max(zoom_level) FROM tiles");
  if (!statement) return failure(statement.error());
  const auto row = step(statement->get(), open_steps_max);
  if (!row) return failure(row.error());
  const auto least = sqlite3_column_int64(statement->get(), 0);
  const auto greatest = sqlite3_column_int64(statement->get(), 1);
  if (!*row || least < 0 || least > greatest || greatest > zoom_max) {
    return failure(fmt::format("is damaged: its tiles are on zoom levels {} to {}", least, greatest));
  }
  info_.minzoom = static_cast<std::uint32_t>(least);
  info_.maxzoom = static_cast<std::uint32_t>(greatest);
  return {};
}

Result<void, std::string> Mbtiles::learn_kind() {
  const auto statement = prepare("SELECT tile_data FROM tiles LIMIT 1");
  if (!statement) return failure(statement.error());
  const auto row = step(statement->get(), open_steps_max);
  if (!row) return failure(row.error());
  if (!*row) return failure(std::string("has no tiles"));
  const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement->get(), 0));
  const ByteView first(data, static_cast<std::size_t>(sqlite3_column_bytes(statement->get(), 0)));
  if (type_by_word(said_format_).empty()) {
    // Old files do not say; some say a word of their own. The first tile tells.
    const auto picture = picture_type(first);
    if (!picture && !looks_gzipped(first)) {
      return failure(fmt::format("has tiles of an unknown format (\"{}\")", plain_text(said_format_)));
    }
    said_format_ = picture.value_or(vector_type);
  }
  info_.kind = type_by_word(said_format_) == vector_type ? TileKind::Vector : TileKind::Raster;
  return {};
}

Result<std::optional<Tile>, TileError> Mbtiles::tile(const TileAddress& at) {
  if (!at.valid()) return std::nullopt;
  auto found = find(at);
  if (!found) return failure(TileError{fmt::format("{}: {} (tile {}/{}/{})", file_, found.error(), at.z, at.x, at.y)});
  return *std::move(found);
}

Result<std::optional<Tile>, std::string> Mbtiles::find(const TileAddress& at) {
  auto* const statement = find_.get();
  const std::int64_t row_from_south = (std::int64_t{1} << at.z) - 1 - at.y;
  sqlite3_bind_int64(statement, 1, at.z);
  sqlite3_bind_int64(statement, 2, at.x);
  sqlite3_bind_int64(statement, 3, row_from_south);
  const auto row = step(statement, query_steps_max);
  std::optional<Tile> out;
  if (row && *row) {
    // Text here is damage of another kind, but a picture stored as text is still its bytes.
    const auto* const data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, 0));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, 0));
    if (size > 0) {
      out = Tile{Bytes(data, data + size), {}, false};
      out->gzip = looks_gzipped(out->bytes);
      out->content_type = picture_type(out->bytes).value_or(type_by_word(said_format_));
    }
  }
  sqlite3_reset(statement);
  if (!row) return failure(row.error());
  return out;
}

}  // namespace airbridge::tiles
