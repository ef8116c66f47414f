#pragma once
// Small helpers for what map files hold: compressed blocks, pictures, text with markup.
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace airbridge::tiles {

// Expands one gzip (or zlib) member of at most `size_max` bytes; the fault is a phrase, "is damaged (gzip)".
Result<Bytes, std::string> gunzip(ByteView packed, std::size_t size_max);
bool looks_gzipped(ByteView bytes);

// "image/png" and so on when the first bytes tell; nothing for vector tiles and what we do not know.
std::optional<std::string_view> picture_type(ByteView bytes);

// Text for a person: tags and control characters taken out, a few entities put in, cut at text_bytes_max. The outcome
// holds neither "<" nor ">", so a page that takes it for HTML by mistake runs nothing.
std::string plain_text(std::string_view markup);

}  // namespace airbridge::tiles
