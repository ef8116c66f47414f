#pragma once
// Keys and an incident from fixed seeds, for tests, worked examples and golden logs. Never for real use.
#include <stdexcept>

#include "trust/author.hpp"
#include "trust/roster.hpp"

namespace airbridge::trust::test {

template <class Fixed>
Fixed filled(std::uint8_t byte) {
  Fixed out;
  out.value.fill(byte);
  return out;
}
inline SigningKey key_of_seed(std::uint8_t byte) { return SigningKey::from_seed(filled<SigningKey::Seed>(byte)); }

// 2026-03-14T09:30:00Z and so many ms.
inline UtcTime at(std::int64_t ms) { return utc_from_ms(1'773'480'600'000 + ms); }

struct World {
  SigningKey authority = key_of_seed(1), post = key_of_seed(2), truck = key_of_seed(3), guest = key_of_seed(4),
             invitation = key_of_seed(14), stranger = key_of_seed(9);
  DataKey care{filled<model::GroupId>(0x0C), 1, {}};
  model::Genesis genesis;
  model::IncidentId incident;

  World() {
    care.key.value.fill(0x0D);
    genesis.name = "Flood exercise";
    genesis.created = at(0);
    genesis.salt = filled<model::Hash>(0x5A);
    genesis.authorities = {authority.public_key()};
    genesis.signature = authority.sign(model::genesis_text(genesis));
    incident = model::incident_of(genesis);
  }
  Author author(const SigningKey& key, std::uint32_t incarnation, bool with_care_key = true) const {
    std::uint8_t salts = 0;
    return Author(key, incident, incarnation, with_care_key ? std::vector<DataKey>{care} : std::vector<DataKey>{},
                  [salts]() mutable { return filled<FixedBytes<16, struct SaltTag>>(++salts); });
  }
  Grant grant(const SigningKey& issuer, const SigningKey& member, Role role, std::string name,
              std::int64_t from_ms = 0) const {
    Grant out;
    out.key = member.public_key();
    out.role = role;
    out.name = std::move(name);
    out.from = at(from_ms);
    out.until = at(30LL * 86'400'000);
    return make_grant(issuer, incident, out);
  }
};

inline model::Write write_of(model::RecordKind kind, std::string_view field, model::Value value,
                             std::vector<model::Dot> replaced = {}) {
  const auto* spec = model::find_field(static_cast<std::uint16_t>(kind), field);
  if (spec == nullptr) throw std::logic_error("no such field");  // a mistake in a test
  if (const auto* name = value.text(); name != nullptr && spec->type == model::ValueType::Code) {
    value = model::find_code(*spec, *name)->code;
  }
  return {spec->key(), std::move(value), std::move(replaced)};
}

inline model::Draft draft_of(model::RecordKind kind, std::vector<model::Write> writes,
                             std::optional<model::EntityId> entity = std::nullopt) {
  model::Draft out;
  out.record = static_cast<std::uint16_t>(kind);
  out.writes = std::move(writes);
  out.entity = entity;
  out.via = model::Via::Web;
  return out;
}

}  // namespace airbridge::trust::test
