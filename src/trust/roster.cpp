#include "trust/roster.hpp"

#include <algorithm>

#include "model/cbor.hpp"

namespace airbridge::trust {
namespace {
constexpr std::string_view grant_context = "airbridge grant 1";
constexpr std::size_t groups_max = 16;
constexpr std::size_t statements_per_key_max = 16;

Bytes grant_text(const Grant& grant) {
  Bytes bytes;
  model::cbor::Writer out(bytes);
  out.array(10);
  out.text(grant_context);
  out.bytes(grant.key.view());
  out.bytes(grant.box_key.view());
  out.uint(static_cast<std::uint64_t>(grant.subject));
  out.uint(static_cast<std::uint64_t>(grant.role));
  out.text(grant.name);
  out.array(grant.groups.size());
  for (const auto& group : grant.groups) out.text(group);
  out.integer(ms_of(grant.from));
  out.integer(ms_of(grant.until));
  out.bytes(grant.issuer.view());
  return bytes;
}

Bytes signed_text(const Grant& grant, const model::IncidentId& incident) {
  auto text = to_bytes(incident.view());
  const auto statement = grant_text(grant);
  text.insert(text.end(), statement.begin(), statement.end());
  return text;
}

template <class Fixed>
Fixed get_fixed(model::cbor::Reader& in) {
  const auto at = in.offset();
  const auto out = Fixed::from(in.bytes(Fixed::size));
  if (in.ok() && !out) in.fail_at(model::DecodeFault::WrongType, at);
  return out.value_or(Fixed{});
}

// How far a role reaches; what an issuer may hand out.
int rank(Role role) {
  switch (role) {
    case Role::Viewer:
      return 0;
    case Role::Enrolment:
      return 1;
    case Role::Responder:
      return 2;
    case Role::Coordinator:
      return 3;
    case Role::Authority:
      return 4;
  }
  return 0;
}
bool may_issue(Role issuer, Role wanted) {
  if (issuer == Role::Authority) return true;
  return issuer == Role::Enrolment && (wanted == Role::Responder || wanted == Role::Viewer);
}
}  // namespace

std::string_view name_of(Role role) {
  static constexpr std::string_view names[] = {"viewer", "responder", "coordinator", "authority", "enrolment"};
  const auto index = static_cast<std::size_t>(role);
  return index < std::size(names) ? names[index] : "newer";
}

Grant make_grant(const SigningKey& issuer, const model::IncidentId& incident, Grant grant) {
  grant.issuer = issuer.public_key();
  grant.signature = issuer.sign(signed_text(grant, incident));
  return grant;
}

Bytes encode(const Grant& grant) {
  Bytes bytes;
  model::cbor::Writer out(bytes);
  out.array(2);
  out.bytes(grant_text(grant));
  out.bytes(grant.signature.view());
  return bytes;
}

Result<Grant, model::DecodeError> decode_grant(ByteView bytes) {
  model::cbor::Reader outer(bytes);
  Grant grant;
  if (outer.array(2) != 2) outer.fail_at(model::DecodeFault::WrongType, 0);
  const auto text = outer.bytes(4096);
  grant.signature = get_fixed<model::Signature>(outer);
  outer.end();
  if (!outer.ok()) return failure(*outer.fault());
  model::cbor::Reader in(text);
  if (in.array(10) != 10 || in.text(64) != grant_context) in.fail_at(model::DecodeFault::UnknownSchema, 0);
  grant.key = get_fixed<model::PublicKey>(in);
  grant.box_key = get_fixed<model::PublicKey>(in);
  grant.subject = static_cast<SubjectKind>(in.uint(255));
  grant.role = static_cast<Role>(in.uint(4));
  grant.name = std::string(in.text(grant_name_max));
  const auto count = in.array(groups_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) grant.groups.emplace_back(in.text(grant_name_max));
  grant.from = utc_from_ms(in.integer());
  grant.until = utc_from_ms(in.integer());
  grant.issuer = get_fixed<model::PublicKey>(in);
  in.end();
  if (!in.ok()) return failure(*in.fault());
  return grant;
}

bool verify_grant(const Grant& grant, const model::IncidentId& incident) {
  return is_usable(grant.key) && verify(grant.issuer, signed_text(grant, incident), grant.signature);
}

Roster::Roster(const model::IncidentId& incident, const model::Genesis& genesis) : incident_(incident) {
  for (const auto& key : genesis.authorities) authorities_.emplace(model::key_id_of(key), key);
}

bool Roster::add(const Grant& grant) {
  if (!verify_grant(grant, incident_)) return false;
  const auto id = model::key_id_of(grant.key);
  if (statements_.size() >= roster_max && !statements_.contains(id)) return false;
  auto& of_key = statements_[id];
  if (std::find(of_key.begin(), of_key.end(), grant) != of_key.end()) return false;
  of_key.push_back(grant);
  // Kept in an order that does not depend on arrival, so that the bound cuts alike everywhere.
  std::sort(of_key.begin(), of_key.end(), [](const Grant& a, const Grant& b) { return a.signature < b.signature; });
  if (of_key.size() > statements_per_key_max) of_key.pop_back();
  const auto old = members_;
  resolve();
  if (old.size() != members_.size()) return true;
  return !std::equal(old.begin(), old.end(), members_.begin(), members_.end(), [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.granted == b.second.granted && a.second.grant == b.second.grant;
  });
}

bool Roster::stands(const Grant& grant) const {
  const auto issuer = model::key_id_of(grant.issuer);
  if (authorities_.contains(issuer)) return true;
  const auto found = members_.find(issuer);
  return found != members_.end() && found->second.granted && may_issue(found->second.grant.role, grant.role);
}

void Roster::resolve() {
  // A grant stands when its issuer does; issuers chain back to the genesis. Repeat until nothing more is found: the
  // result does not depend on the order of arrival.
  members_.clear();
  for (const auto& [id, of_key] : statements_) members_[id].grant = of_key.front();
  bool grew = true;
  while (grew) {
    grew = false;
    for (const auto& [id, of_key] : statements_) {
      auto& member = members_[id];
      for (const auto& grant : of_key) {
        const bool better = !member.granted || rank(grant.role) > rank(member.grant.role);
        if (!better || !stands(grant)) continue;
        member = {grant, true};
        grew = true;
      }
    }
  }
}

const Roster::Member* Roster::find(const model::KeyId& id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

bool Roster::may_write(const model::KeyId& id) const {
  if (authorities_.contains(id)) return true;
  const auto* member = find(id);
  return member != nullptr && member->granted && rank(member->grant.role) >= rank(Role::Responder);
}

std::optional<model::PublicKey> Roster::key_of(const model::KeyId& id) const {
  if (const auto found = authorities_.find(id); found != authorities_.end()) return found->second;
  if (const auto* member = find(id)) return member->grant.key;
  return std::nullopt;
}

std::string Roster::name_of(const model::KeyId& id) const {
  const auto* member = find(id);
  if (member != nullptr && member->granted && !member->grant.name.empty()) return member->grant.name;
  if (authorities_.contains(id)) return "authority " + id.hex().substr(0, 8);
  return id.hex().substr(0, 8);
}

}  // namespace airbridge::trust
