#include "store/meta.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/hash.hpp"

namespace airbridge::store {
namespace {

constexpr std::string_view first_words = "airbridge store ";

// The rest of the line that begins with `key`, or nothing.
std::optional<std::string_view> line_of(std::string_view text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    if (line.starts_with(key)) return line.substr(key.size());
    at = end + 1;
  }
  return std::nullopt;
}

std::string check_of(std::string_view lines) { return to_hex(blake2b<16>({as_bytes(lines)})); }

}  // namespace

std::string encode(const Meta& meta) {
  auto text = fmt::format("{}{}\ncreated-by {}\nincident {}\nsalt {:08x}\n", first_words, meta.format, meta.created_by,
                          meta.incident.hex(), meta.salt);
  text += "check " + check_of(text) + "\n";
  return text;
}

StoreError other_format(std::uint64_t format) {
  if (format < store_format) {
    return {StoreFault::OtherFormat,
            fmt::format("this store has format {}, which only versions before the first release wrote; this program "
                        "reads format {}. Keep it with the program that wrote it, or `airbridge init` a new one",
                        format, store_format)};
  }
  return {StoreFault::OtherFormat,
          fmt::format("this store was written by a newer Airbridge (format {}); this program reads up to {}. Install "
                      "that version or a later one, or restore a backup made by this one",
                      format, store_format)};
}

StoreResult<Meta> decode_meta(std::string_view text) {
  const auto damaged = [](std::string_view why) {
    return store_failure(StoreFault::Damaged, fmt::format("the file VERSION is damaged: {}", why));
  };
  Meta meta;
  const auto number = line_of(text, first_words);
  std::uint64_t format = 0;
  if (!number || std::from_chars(number->data(), number->data() + number->size(), format).ec != std::errc{}) {
    return damaged("it does not begin with 'airbridge store'");
  }
  const auto check_at = text.rfind("check ");
  const bool whole =
      check_at != text.npos && text.substr(check_at) == "check " + check_of(text.substr(0, check_at)) + "\n";
  // A newer program may lay the rest out differently, so its format decides before the check; but one flipped digit
  // does not make a store newer: then this version's check lines are there and do not fit.
  if (format > store_format && (whole || check_at == text.npos)) return failure(other_format(format));
  if (!whole) return damaged("its check does not fit");
  if (format < store_format) return failure(other_format(format));
  meta.format = static_cast<std::uint32_t>(format);
  meta.created_by = std::string(line_of(text, "created-by ").value_or(""));
  const auto incident = model::IncidentId::from_hex(line_of(text, "incident ").value_or(""));
  const auto salt = line_of(text, "salt ").value_or("");
  if (!incident) return damaged("no incident");
  if (std::from_chars(salt.data(), salt.data() + salt.size(), meta.salt, 16).ec != std::errc{})
    return damaged("no salt");
  meta.incident = *incident;
  return meta;
}

StoreResult<Meta> read_meta(Disk& disk) {
  const auto bytes = read_file(disk, version_name, version_bytes_max);
  if (!bytes) return failure(from_disk(bytes.error()));
  return decode_meta(as_text(*bytes));
}

StoreResult<void> write_meta(Disk& disk, const Meta& meta) {
  const auto text = encode(meta);
  if (auto done = write_file_atomically(disk, version_name, as_bytes(text)); !done) {
    return failure(from_disk(done.error()));
  }
  return {};
}

}  // namespace airbridge::store
