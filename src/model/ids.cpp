#include "model/ids.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/hash.hpp"

namespace airbridge::model {

ExternalName external_name(std::string_view name_space, std::string_view id) {
  // The length of the namespace goes in, so that ("ab","c") and ("a","bc") differ.
  const auto length = static_cast<std::uint8_t>(name_space.size());
  return {blake2b<8>({ByteView(&length, 1), as_bytes(name_space), as_bytes(id)})};
}

namespace {
std::string writer_text(const Writer& writer) {
  return fmt::format("{}.{:08x}", writer.author.hex(), writer.incarnation);
}

void put_hex(std::string& out, std::uint8_t byte) {
  constexpr char digits[] = "0123456789abcdef";
  out.push_back(digits[byte >> 4]);
  out.push_back(digits[byte & 15]);
}

template <class Number>
bool read_number(std::string_view text, Number& out, int base) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && stop == text.data() + text.size() && !text.empty();
}

Bytes canonical_bytes(const EntityId& id) {
  if (const auto* external = id.external()) return to_bytes(external->view());
  return to_bytes(as_bytes(to_text(*id.dot())));
}
}  // namespace

std::string to_text(const Dot& dot) {
  std::string out = "d.";
  out.reserve(66);
  for (const auto byte : dot.writer.author.value) put_hex(out, byte);
  out.push_back('.');
  for (int shift = 24; shift >= 0; shift -= 8) put_hex(out, static_cast<std::uint8_t>(dot.writer.incarnation >> shift));
  out.push_back('.');
  out.push_back(static_cast<char>('0' + static_cast<int>(dot.cls)));
  out.push_back('.');
  char number[20];
  const auto end = std::to_chars(number, number + sizeof number, dot.seq).ptr;
  return out.append(number, end);
}

std::string to_text(const EntityId& id) {
  if (const auto* dot = id.dot()) return to_text(*dot);
  return "x." + id.external()->hex();
}

std::string to_text(const StreamId& id) {
  auto text = fmt::format("{}.{}", writer_text(id.writer), static_cast<int>(id.cls));
  if (id.is_branch()) text += fmt::format("@{}.{}", id.branch.from, to_hex(id.branch.head));
  return text;
}

std::optional<Dot> dot_from_text(std::string_view text) {
  // d.<32 hex>.<8 hex>.<digit>.<decimal>
  if (text.size() < 47 || !text.starts_with("d.") || text[34] != '.' || text[43] != '.' || text[45] != '.') {
    return std::nullopt;
  }
  const auto author = KeyId::from_hex(text.substr(2, 32));
  Dot dot;
  const char cls = text[44];
  if (!author || cls < '0' || cls > '2') return std::nullopt;
  dot.writer.author = *author;
  dot.cls = static_cast<Class>(cls - '0');
  if (!read_number(text.substr(35, 8), dot.writer.incarnation, 16) || !read_number(text.substr(46), dot.seq, 10) ||
      dot.seq == 0) {
    return std::nullopt;
  }
  return dot;
}

std::optional<EntityId> entity_from_text(std::string_view text) {
  if (text.starts_with("x.")) {
    const auto external = ExternalName::from_hex(text.substr(2));
    if (!external) return std::nullopt;
    return EntityId(*external);
  }
  const auto dot = dot_from_text(text);
  if (!dot) return std::nullopt;
  return EntityId(*dot);
}

std::string display_code(const EntityId& id) {
  static constexpr char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto hash = blake2b<8>({canonical_bytes(id)});
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < hash.size(); ++i) bits |= std::uint64_t{hash[i]} << (8 * i);
  std::string out;
  for (int i = 0; i < 5; ++i, bits >>= 5) out.push_back(alphabet[bits & 31]);
  return out;
}

}  // namespace airbridge::model
