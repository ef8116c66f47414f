#pragma once
// For the tests of this folder: devices with granted keys that write events, and a text form of what a picture shows.
#include <fmt/format.h>

#include <map>

#include "base/rng.hpp"
#include "picture/fold.hpp"
#include "trust/keys.hpp"

namespace airbridge::picture::test {

inline trust::SigningKey key_of(std::uint8_t number) {
  trust::SigningKey::Seed seed;
  seed.value.fill(number);
  return trust::SigningKey::from_seed(seed);
}

inline constexpr std::uint16_t code(model::RecordKind kind) { return static_cast<std::uint16_t>(kind); }

inline model::FieldKey key(std::uint16_t record, std::string_view name) {
  return model::find_field(record, name)->key();
}

// The same every time, so that hashes can be written down.
inline model::Genesis fixed_genesis(const trust::SigningKey& authority) {
  model::Genesis genesis;
  genesis.name = "test";
  genesis.created = utc_from_ms(1'700'000'000'000);
  genesis.salt.value.fill(7);
  genesis.authorities = {authority.public_key()};
  genesis.signature = authority.sign(model::genesis_text(genesis));
  return genesis;
}

// One incident with one authority (key 1) and devices 2, 3, ...; grants are made on demand.
struct World {
  trust::SigningKey authority = key_of(1);
  model::Genesis genesis = fixed_genesis(authority);
  model::IncidentId incident = model::incident_of(genesis);
  std::map<std::pair<model::Writer, model::Class>, std::uint64_t> heads;
  std::vector<FoldEvent> log;  // in the order of making
  std::uint64_t clock_ms = 1'700'000'000'000;

  static model::Writer device(std::uint8_t number) { return {key_of(number).id(), 1}; }
  // Puts every state away at each publish, the harder way to be right.
  Fold fold(FoldLimits limits = {.open_states_max = 0}) const { return Fold(incident, genesis, limits); }

  FoldEvent make(const model::Writer& writer, model::Class cls, model::Event event, bool creates) {
    FoldEvent out;
    out.dot = {writer, cls, ++heads[{writer, cls}]};
    if (event.time.packed == 0) event.time = model::Hlc::at(utc_from_ms(static_cast<std::int64_t>(clock_ms += 1000)));
    if (creates) event.entity = out.dot;
    out.bytes = 100;
    out.arrival = log.size() + 1;
    out.arrived = utc_from_ms(static_cast<std::int64_t>(clock_ms));
    out.event = std::make_shared<const model::Event>(std::move(event));
    log.push_back(out);
    return out;
  }
  FoldEvent create(std::uint8_t device_number, model::RecordKind record, std::vector<model::Write> writes,
                   model::Class cls = model::Class::Important) {
    model::Event event;
    event.record = code(record);
    event.writes = std::move(writes);
    return make(device(device_number), cls, std::move(event), true);
  }
  FoldEvent change(std::uint8_t device_number, model::RecordKind record, const model::EntityId& entity,
                   std::vector<model::Write> writes, model::Class cls = model::Class::Important) {
    model::Event event;
    event.record = code(record);
    event.entity = entity;
    event.writes = std::move(writes);
    return make(device(device_number), cls, std::move(event), false);
  }
  trust::Grant grant_of(std::uint8_t member, trust::Role role = trust::Role::Responder,
                        const trust::SigningKey* issuer = nullptr) const {
    trust::Grant grant;
    grant.key = key_of(member).public_key();
    grant.role = role;
    grant.name = fmt::format("N{}", member);
    return trust::make_grant(issuer != nullptr ? *issuer : authority, incident, grant);
  }
  // A membership event that carries the grant, written by `by`.
  FoldEvent grant(std::uint8_t member, std::uint8_t by = 1) {
    const auto statement = grant_of(member);
    return change(by, model::RecordKind::Membership, model::external_name("key", key_of(member).id().hex()),
                  {{key(code(model::RecordKind::Membership), "grant"), trust::encode(statement), {}}},
                  model::Class::Urgent);
  }
};

inline model::Write write(model::RecordKind record, std::string_view name, model::Value value,
                          std::vector<model::Dot> replaced = {}) {
  return {key(code(record), name), std::move(value), std::move(replaced)};
}

// --- text forms: short, complete, the same for the same picture

inline std::string text(const model::Dot& dot) {
  return fmt::format("{}.{}.{}", dot.writer.author.hex().substr(0, 4), static_cast<int>(dot.cls), dot.seq);
}
inline std::string text(const model::EntityId& id) {
  return id.dot() != nullptr ? text(*id.dot()) : "x" + id.external()->hex().substr(0, 6);
}
inline std::string text(const model::Value& value) {
  if (value.is_null()) return "null";
  if (const auto* b = value.boolean()) return *b ? "true" : "false";
  if (const auto* i = value.integer()) return std::to_string(*i);
  if (const auto* s = value.text()) return "'" + *s + "'";
  if (const auto* b = value.bytes()) return "h" + to_hex(*b).substr(0, 16);
  if (const auto* e = value.entity()) return "@" + text(*e);
  std::string out = "[";
  for (const auto& item : *value.list()) out += text(item) + " ";
  return out + "]";
}
inline std::string text(const std::vector<model::Dot>& dots) {
  std::string out;
  for (const auto& dot : dots) out += " " + text(dot);
  return out;
}
inline std::string text(const Choice& c) {
  return fmt::format("{} by {} of{}", text(c.value), c.stamp ? text(c.stamp->dot) : "-", text(c.dots));
}
inline std::string text(const FieldView& f) {
  auto out = fmt::format("  {}{}{}: {}\n", f.key.raw, f.is_private ? " private" : "", f.conflict ? " CONFLICT" : "",
                         text(f.acting));
  for (const auto& c : f.alternatives) out += "    or " + text(c) + "\n";
  for (const auto& c : f.values) out += "    - " + text(c) + "\n";
  return out;
}
inline std::string text(const EntityView& v) {
  auto out = fmt::format("{} record {}{}{}{}", text(v.id), v.record, v.placeholder ? " placeholder" : "",
                         v.deleted ? " deleted by " + text(v.deleted_by->dot) : "",
                         v.revived ? " revived by " + text(v.revived_by->dot) : "");
  for (const auto& id : v.waiting_for) out += " waits:" + id.hex().substr(0, 4);
  for (const auto& c : v.clashes) out += fmt::format(" clash:{}@{}", text(c.unit), text(c.other));
  for (const auto& id : v.same_as) out += " same:" + text(id);
  out += fmt::format(" {}..{}\n", text(v.created->dot), text(v.updated->dot));
  for (const auto& f : v.fields) out += text(f);
  for (const auto& f : v.newer) out += " newer" + text(f);
  return out;
}
inline std::string text(const Picture& picture) {
  std::string out;
  for (const auto& view : picture.entities().sorted()) out += text(*view);
  for (const auto& held : picture.withheld()) {
    out += fmt::format("withheld {} {}\n", text(held.dot), static_cast<int>(held.why));
  }
  for (const auto& fork : picture.forks()) {
    out += fmt::format("fork {} {}\n", fork.base.writer.author.hex().substr(0, 4), fork.from);
  }
  return out;
}

}  // namespace airbridge::picture::test
