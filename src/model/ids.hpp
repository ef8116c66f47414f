#pragma once
// Names of things (DESIGN 3): who writes, in which stream, which write, about what.
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"

namespace airbridge::model {

using KeyId = FixedBytes<16, struct KeyIdTag>;           // BLAKE2b-128 of an Ed25519 public key
using PublicKey = FixedBytes<32, struct PublicKeyTag>;   // Ed25519 or X25519, as the field says
using Signature = FixedBytes<64, struct SignatureTag>;   // Ed25519
using Hash = FixedBytes<32, struct HashTag>;             // BLAKE2b-256
using IncidentId = FixedBytes<32, struct IncidentTag>;   // hash of the genesis
using ExternalName = FixedBytes<8, struct ExternalTag>;  // BLAKE2b-64 of (namespace | id)
using CommandId = FixedBytes<16, struct CommandTag>;     // made by a client; the same id is the same command
using GroupId = FixedBytes<8, struct GroupTag>;          // a need-to-know group

// How urgent, and so which stream (DESIGN 3). Follows from the merge table, never from the author.
enum class Class : std::uint8_t { Urgent = 0, Important = 1, Routine = 2 };
inline constexpr int class_count = 3;

// A device writing: its key and the random number it drew when its store began (or was restored, or was doubted).
struct Writer {
  KeyId author;
  std::uint32_t incarnation = 0;
  friend auto operator<=>(const Writer&, const Writer&) = default;
};

// Where a stream was found to have two contents, each continuation is a stream of its own: the events from `from` on
// whose chain there has this head. `from` 0 is the ordinary case: no branch.
struct ForkBranch {
  std::uint64_t from = 0;
  std::array<std::uint8_t, 8> head{};
  friend auto operator<=>(const ForkBranch&, const ForkBranch&) = default;
};

// A sequence of events without gaps. The incident is implied by where it is kept; hashes and seals name it too.
struct StreamId {
  Writer writer;
  Class cls = Class::Routine;
  ForkBranch branch;
  bool is_branch() const { return branch.from != 0; }
  StreamId base() const { return {writer, cls, {}}; }
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
};

// Names one event, and with a field one write. Sequence numbers begin at 1.
struct Dot {
  Writer writer;
  Class cls = Class::Routine;
  std::uint64_t seq = 0;
  StreamId stream() const { return {writer, cls, {}}; }
  friend auto operator<=>(const Dot&, const Dot&) = default;
};

// A thing in the picture: named by the event that created it, or, when the outside already named it, by that name.
struct EntityId {
  std::variant<Dot, ExternalName> name;
  EntityId() = default;
  EntityId(const Dot& dot) : name(dot) {}                     // NOLINT: a dot is a name
  EntityId(const ExternalName& external) : name(external) {}  // NOLINT
  const Dot* dot() const { return std::get_if<Dot>(&name); }
  const ExternalName* external() const { return std::get_if<ExternalName>(&name); }
  // Dots before outside names; written out because the picture compares millions of them.
  friend std::strong_ordering operator<=>(const EntityId& a, const EntityId& b) {
    const auto* x = a.dot();
    const auto* y = b.dot();
    if (x != nullptr && y != nullptr) return *x <=> *y;
    if (x != nullptr || y != nullptr) return x != nullptr ? std::strong_ordering::less : std::strong_ordering::greater;
    return *a.external() <=> *b.external();
  }
  friend bool operator==(const EntityId& a, const EntityId& b) {
    const auto* x = a.dot();
    const auto* y = b.dot();
    if (x != nullptr && y != nullptr) return *x == *y;
    return x == nullptr && y == nullptr && *a.external() == *b.external();
  }
};

// The name of an outside object, the same on every node that hears it. Namespaces in use: "tak" (event uid), "icao"
// (six lower-case hex digits), "mmsi", "cap" (sender,identifier,sent), "key" (hex of a key id: memberships), "own" (hex
// of a node's key id).
ExternalName external_name(std::string_view name_space, std::string_view id);

// Text forms, as API and logs show them: "d.<author>.<incarnation>.<class>.<sequence>" (hex, hex, digit, decimal),
// "x.<16 hex>".
std::string to_text(const Dot& dot);
std::string to_text(const EntityId& id);
std::string to_text(const StreamId& id);  // "<author>.<incarnation>.<class>", a branch with "@<from>.<head>" behind
std::optional<Dot> dot_from_text(std::string_view text);
std::optional<EntityId> entity_from_text(std::string_view text);

// A short handle for people and radio: five letters and digits of Crockford's base 32 (no I, L, O, U), from the hash of
// the name: "7K3QX". Not unique by promise; the page shows it with the record's letter, "C-7K3QX".
std::string display_code(const EntityId& id);

}  // namespace airbridge::model

template <>
struct std::hash<airbridge::model::Writer> {
  std::size_t operator()(const airbridge::model::Writer& w) const noexcept {
    return std::hash<airbridge::model::KeyId>()(w.author) * 31 + w.incarnation;
  }
};
template <>
struct std::hash<airbridge::model::Dot> {
  std::size_t operator()(const airbridge::model::Dot& d) const noexcept {
    std::size_t h = std::hash<airbridge::model::Writer>()(d.writer) * 4 + static_cast<std::size_t>(d.cls);
    h ^= d.seq + 0x9E3779B97F4A7C15U + (h << 6) + (h >> 2);
    return h * 0x9E3779B97F4A7C15U;
  }
};
template <>
struct std::hash<airbridge::model::EntityId> {
  std::size_t operator()(const airbridge::model::EntityId& id) const noexcept {
    if (const auto* dot = id.dot()) return std::hash<airbridge::model::Dot>()(*dot);
    return std::hash<airbridge::model::ExternalName>()(*id.external());
  }
};
template <>
struct std::hash<airbridge::model::StreamId> {
  std::size_t operator()(const airbridge::model::StreamId& s) const noexcept {
    return (std::hash<airbridge::model::Writer>()(s.writer) * 4 + static_cast<std::size_t>(s.cls)) * 31 + s.branch.from;
  }
};
