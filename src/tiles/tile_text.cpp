#include "tiles/tile_text.hpp"

#include <zlib.h>

#include <algorithm>

#include "tiles/tile_source.hpp"

namespace airbridge::tiles {

namespace {

struct Entity {
  std::string_view code;
  std::string_view text;
};
constexpr Entity entities[] = {{"&copy;", "©"}, {"&#169;", "©"}, {"&nbsp;", " "}, {"&quot;", "\""}, {"&amp;", "&"}};

// A piece of UTF-8 that is not cut inside a character.
std::string_view cut(std::string_view text, std::size_t size_max) {
  if (text.size() <= size_max) return text;
  while (size_max > 0 && (static_cast<std::uint8_t>(text[size_max]) & 0xC0) == 0x80) --size_max;
  return text.substr(0, size_max);
}

}  // namespace

Result<Bytes, std::string> gunzip(ByteView packed, std::size_t size_max) {
  z_stream stream{};
  constexpr int gzip_or_zlib = 15 + 32;
  if (inflateInit2(&stream, gzip_or_zlib) != Z_OK) return failure(std::string("cannot be expanded: out of memory"));
  stream.next_in = const_cast<Bytef*>(packed.data());  // zlib only reads it
  stream.avail_in = static_cast<uInt>(packed.size());
  Bytes out;
  int said = Z_OK;
  while (said == Z_OK) {
    // Grow with what really comes out: a small file may only promise much.
    const auto before = out.size();
    if (before > size_max) break;
    out.resize(std::min(std::max(before * 2, packed.size() * 3 + 256), size_max + 1));
    stream.next_out = out.data() + before;
    stream.avail_out = static_cast<uInt>(out.size() - before);
    said = inflate(&stream, Z_NO_FLUSH);
    const auto stuck = stream.avail_out == out.size() - before && said == Z_OK;
    out.resize(out.size() - stream.avail_out);
    if (stuck) break;  // the input ended too early
  }
  inflateEnd(&stream);
  if (out.size() > size_max) return failure(std::string("is larger than allowed when expanded"));
  if (said != Z_STREAM_END) return failure(std::string("is damaged (gzip)"));
  return out;
}

bool looks_gzipped(ByteView bytes) { return bytes.size() > 2 && bytes[0] == 0x1F && bytes[1] == 0x8B; }

std::optional<std::string_view> picture_type(ByteView bytes) {
  const auto text = as_text(bytes.first(std::min<std::size_t>(bytes.size(), 16)));
  if (text.starts_with("\x89PNG\r\n\x1A\n")) return "image/png";
  if (text.starts_with("\xFF\xD8\xFF")) return "image/jpeg";
  if (text.starts_with("RIFF") && text.size() >= 12 && text.substr(8, 4) == "WEBP") return "image/webp";
  if (text.size() >= 12 && text.substr(4, 8) == "ftypavif") return "image/avif";
  return std::nullopt;
}

std::string plain_text(std::string_view markup) {
  std::string out;
  for (std::size_t i = 0; i < markup.size() && out.size() <= text_bytes_max;) {
    const char c = markup[i];
    if (c == '<') {
      i = std::min(markup.find('>', i), markup.size() - 1) + 1;
      continue;
    }
    const auto entity = std::find_if(std::begin(entities), std::end(entities),
                                     [&](const Entity& e) { return markup.substr(i).starts_with(e.code); });
    if (entity != std::end(entities)) {
      out += entity->text;
      i += entity->code.size();
      continue;
    }
    ++i;
    const bool blank = static_cast<std::uint8_t>(c) <= ' ' || c == 0x7F;
    if (c == '>' || (blank && (out.empty() || out.back() == ' '))) continue;
    out += blank ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return std::string(cut(out, text_bytes_max));
}

}  // namespace airbridge::tiles
