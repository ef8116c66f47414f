#include "trust/roster.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "model/cbor.hpp"

namespace airbridge::trust {
namespace {
constexpr std::string_view grant_context = "airbridge grant 1";

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
  grant.name = model::cbor::clean_text(grant.name, grant_name_max);
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
  grant.signature = outer.fixed<model::Signature>();
  outer.end();
  if (!outer.ok()) return failure(*outer.fault());
  model::cbor::Reader in(text);
  if (in.array(10) != 10 || in.text(64) != grant_context) in.fail_at(model::DecodeFault::UnknownSchema, 0);
  grant.key = in.fixed<model::PublicKey>();
  grant.box_key = in.fixed<model::PublicKey>();
  grant.subject = static_cast<SubjectKind>(in.uint(255));
  grant.role = static_cast<Role>(in.uint(4));
  grant.name = std::string(in.text(grant_name_max));
  const auto count = in.array(grant_groups_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) grant.groups.emplace_back(in.text(grant_name_max));
  grant.from = utc_from_ms(in.integer());
  grant.until = utc_from_ms(in.integer());
  grant.issuer = in.fixed<model::PublicKey>();
  in.end();
  if (!in.ok()) return failure(*in.fault());
  return grant;
}

bool verify_grant(const Grant& grant, const model::IncidentId& incident) {
  if (!grant.box_key.is_zero() && !is_usable_box(grant.box_key)) return false;
  return is_usable(grant.key) && verify(grant.issuer, signed_text(grant, incident), grant.signature);
}

Roster::Roster(const model::IncidentId& incident, const model::Genesis& genesis) : incident_(incident) {
  for (const auto& key : genesis.authorities) authorities_.emplace(model::key_id_of(key), key);
}

namespace {
// Later statements first; the signature only so that there is an order.
bool is_newer(const Grant& a, const Grant& b) {
  if (a.from != b.from) return a.from > b.from;
  return a.signature < b.signature;
}
}  // namespace

bool Roster::add(const Grant& grant) {
  const auto id = model::key_id_of(grant.key);
  const auto issuer = model::key_id_of(grant.issuer);
  const Slot slot{issuer, grant.role};
  const bool stands_now = stands(grant);
  const auto of_member = statements_.find(id);
  const bool replaces = of_member != statements_.end() && of_member->second.contains(slot);
  if (replaces ? !is_newer(grant, of_member->second.at(slot).grant) : !stands_now && waiting_ >= roster_waiting_max) {
    forgot_ = forgot_ || !replaces;
    return false;
  }
  if (stands_now && !has_room(issuer, id)) {
    forgot_ = true;
    return false;
  }
  if (!verify_grant(grant, incident_)) return false;
  if (replaces) {
    of_member->second.at(slot).grant = grant;
  } else {
    statements_[id][slot] = {grant, false};
    issued_[issuer].insert(id);
    ++waiting_;
  }
  const bool changed = choose(id);
  if (!stands_now || replaces) return changed;
  return settle(id) || changed;
}

bool Roster::stands(const Grant& grant) const {
  const auto issuer = model::key_id_of(grant.issuer);
  if (authorities_.contains(issuer)) return true;
  const auto found = statements_.find(issuer);
  if (found == statements_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const auto& item) {
    return item.second.stands && may_issue(item.second.grant.role, grant.role);
  });
}

bool Roster::is_authority(const model::KeyId& id) const {
  if (authorities_.contains(id)) return true;
  const auto found = statements_.find(id);
  if (found == statements_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [](const auto& item) { return item.second.stands && item.second.grant.role == Role::Authority; });
}

bool Roster::has_room(const model::KeyId& issuer, const model::KeyId& id) const {
  const auto found = enrolled_.find(issuer);
  if (found == enrolled_.end() || is_authority(issuer)) return true;
  const auto& enrolled = found->second;
  return enrolled.size() < enrolled_max || enrolled.contains(id) || id < *enrolled.rbegin();
}

// Lets go of what an enrolment key granted beyond its bound. Whom it lets in may not grant in turn, so nobody else
// falls with them.
void Roster::trim(const model::KeyId& issuer) {
  if (is_authority(issuer)) return;
  auto& enrolled = enrolled_[issuer];
  while (enrolled.size() > enrolled_max) {
    const auto id = *enrolled.rbegin();
    enrolled.erase(id);
    issued_[issuer].erase(id);
    forgot_ = true;
    auto& about = statements_[id];
    std::erase_if(about, [&](const auto& item) {
      if (item.first.first != issuer) return false;
      waiting_ -= item.second.stands ? 0 : 1;
      return true;
    });
    if (!about.empty()) {
      choose(id);
      continue;
    }
    statements_.erase(id);
    members_.erase(id);
  }
}

// A grant stands when any standing grant lets its issuer make it; issuers chain back to the genesis. That one more
// grant stands never makes another fall, so the set that stands does not depend on the order of arrival, and a ring of
// keys that grant each other stands only if somebody outside it does.
bool Roster::settle(const model::KeyId& first) {
  bool changed = false;
  std::set<model::KeyId> by_enrolment;
  std::vector<model::KeyId> open{first};
  while (!open.empty()) {
    const auto id = open.back();
    open.pop_back();
    bool grew = false;
    const auto held = statements_.find(id);
    if (held == statements_.end()) continue;  // let go meanwhile
    for (auto& [slot, statement] : held->second) {
      if (statement.stands || !stands(statement.grant)) continue;
      statement.stands = true;
      --waiting_;
      grew = true;
      if (is_authority(slot.first)) continue;
      enrolled_[slot.first].insert(id);
      by_enrolment.insert(slot.first);
    }
    // What it granted may count now even where another grant still speaks for it: that is a change.
    changed = choose(id) || grew || changed;  // its issuers may speak with more weight now
    for (const auto& issuer : std::exchange(by_enrolment, {})) trim(issuer);
    if (!grew) continue;
    const auto about = issued_.find(id);
    if (about != issued_.end()) open.insert(open.end(), about->second.begin(), about->second.end());
  }
  return changed;
}

// Picks the grant that speaks for the member; true when that is another than before.
bool Roster::choose(const model::KeyId& id) {
  const Statement* best = nullptr;
  const auto by_authority = [&](const Grant& grant) { return is_authority(model::key_id_of(grant.issuer)); };
  const auto is_better = [&](const Statement& a, const Statement& b) {
    if (a.stands != b.stands) return a.stands;
    if (a.grant.role != b.grant.role) return rank(a.grant.role) > rank(b.grant.role);
    if (by_authority(a.grant) != by_authority(b.grant)) return by_authority(a.grant);
    return is_newer(a.grant, b.grant);
  };
  for (const auto& [slot, statement] : statements_[id]) {
    if (best == nullptr || is_better(statement, *best)) best = &statement;
  }
  const auto [member, is_new] = members_.try_emplace(id);
  if (!is_new && member->second.granted == best->stands && member->second.grant == best->grant) return false;
  member->second = {best->grant, best->stands};
  return true;
}

std::vector<Roster::Contradiction> Roster::contradictions() const {
  std::vector<Contradiction> out;
  for (const auto& [member, statements] : statements_) {
    if (statements.size() < 2) continue;
    std::map<model::KeyId, const Grant*> last;  // by authority
    for (const auto& [slot, statement] : statements) {
      if (!statement.stands || !is_authority(slot.first)) continue;
      auto& said = last[slot.first];
      if (said == nullptr || is_newer(statement.grant, *said)) said = &statement.grant;
    }
    const auto differs = [&](const auto& item) {
      const auto& a = *item.second;
      const auto& b = *last.begin()->second;
      return std::tie(a.role, a.name, a.subject, a.groups) != std::tie(b.role, b.name, b.subject, b.groups);
    };
    if (std::none_of(last.begin(), last.end(), differs)) continue;
    Contradiction found{member, {}};
    for (const auto& [issuer, grant] : last) found.grants.push_back(*grant);
    out.push_back(std::move(found));
  }
  return out;
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

bool Roster::would_let_in(const model::KeyId& id, const std::vector<Grant>& brought) const {
  if (may_write(id)) return true;
  std::vector<const Grant*> open, standing;
  for (const auto& grant : brought) open.push_back(&grant);
  const auto would_stand = [&](const Grant& grant) {
    const auto issuer = model::key_id_of(grant.issuer);
    if (!has_room(issuer, model::key_id_of(grant.key))) return false;
    return stands(grant) || std::any_of(standing.begin(), standing.end(), [&](const Grant* by) {
             return model::key_id_of(by->key) == issuer && may_issue(by->role, grant.role);
           });
  };
  for (bool grew = true; grew;) {
    grew = false;
    std::erase_if(open, [&](const Grant* grant) {
      if (!would_stand(*grant)) return false;
      standing.push_back(grant);
      grew = true;
      return true;
    });
  }
  return std::any_of(standing.begin(), standing.end(), [&](const Grant* grant) {
    return model::key_id_of(grant->key) == id && rank(grant->role) >= rank(Role::Responder);
  });
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
