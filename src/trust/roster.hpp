#pragma once
// Who may write (DESIGN 7). A grant is a statement signed by an authority of the genesis, or by a key an authority
// granted the role Authority or Enrolment; it travels in the field `grant` of a membership record, in anybody's stream,
// and stands by its own signature. The roster is a pure function of the genesis and the set of grants seen.
//
// Enrolment: an authority grants a one-time key the role Enrolment and hands its seed over in an invitation (file or QR
// code). The newcomer signs its own grant with it, offline. Such a key can grant Responder or Viewer, nothing higher.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "trust/keys.hpp"

namespace airbridge::trust {

enum class Role : std::uint8_t { Viewer = 0, Responder = 1, Coordinator = 2, Authority = 3, Enrolment = 4 };
std::string_view name_of(Role role);
enum class SubjectKind : std::uint8_t { Node = 0, Person = 1 };

inline constexpr std::size_t grant_name_max = 64;
inline constexpr std::size_t grant_groups_max = 16;
// Members one enrolment key lets in, so that a leaked invitation fills no memory. Of more, those with the smallest key
// ids count, whichever came first: every node counts the same. What an authority grants is a person's act and has no
// bound of its own.
inline constexpr std::size_t enrolled_max = 1024;
// Grants whose issuer is not (yet) known to be one wait, at most this many; further ones are forgotten, and taken in
// when they are offered again (forgot()). Anybody can make such grants, so they must not crowd out the others.
inline constexpr std::size_t roster_waiting_max = 1024;

struct Grant {
  model::PublicKey key;      // Ed25519 of the member
  model::PublicKey box_key;  // X25519, for sessions and wrapped data keys; zero when not given
  SubjectKind subject = SubjectKind::Node;
  Role role = Role::Responder;
  std::string name;  // "POST 1", "Ana Kovac"
  std::vector<std::string> groups;
  UtcTime from{};
  UtcTime until{};  // shown and warned of; clocks being what they are, expiry does not unfold events
  model::PublicKey issuer;
  model::Signature signature;
  friend bool operator==(const Grant&, const Grant&) = default;
};

Grant make_grant(const SigningKey& issuer, const model::IncidentId& incident,
                 Grant grant);  // fills issuer and signature
Bytes encode(const Grant& grant);
Result<Grant, model::DecodeError> decode_grant(ByteView bytes);
bool verify_grant(const Grant& grant, const model::IncidentId& incident);  // the signature only

class Roster {
 public:
  Roster(const model::IncidentId& incident, const model::Genesis& genesis);
  // Takes a grant in, in any order; true when the roster changed: some grant began or ceased to stand, or another one
  // speaks for its member.
  bool add(const Grant& grant);
  // Offers grants until none of them changes anything: for a caller that keeps what the roster may have forgotten.
  template <class Grants>
  bool add_until_settled(const Grants& grants) {
    bool changed = false;
    for (bool again = true; again;) {
      again = false;
      for (const auto& grant : grants) again = add(grant) || again;
      changed = changed || again;
      again = again && forgot();
    }
    return changed;
  }
  // Has a grant been let go that may count later, when more is known of its issuer?
  bool forgot() const { return forgot_; }
  struct Member {
    // Of the grants that stand, the one of the highest role. Among equals an authority's before one by an enrolment
    // key (which could else rename members), then the latest `from`, then the smallest signature.
    Grant grant;
    bool granted = false;
  };
  const Member* find(const model::KeyId& id) const;  // any statement seen, granted or not
  bool may_write(const model::KeyId& id) const;  // granted, with a role above Viewer, or an authority of the genesis
  // Would the key be one that may write if these grants were added? For them to stand they may need each other, in any
  // order; their signatures must hold already.
  bool would_let_in(const model::KeyId& id, const std::vector<Grant>& brought) const;
  // Does the grant stand: is its issuer one who may give it? Asks nothing about its signature (verify_grant).
  bool stands(const Grant& grant) const;
  std::optional<model::PublicKey> key_of(const model::KeyId& id) const;  // from any statement: a key id proves its key
  std::string name_of(const model::KeyId& id) const;  // its granted name, or the first 8 hex digits of the id
  const std::map<model::KeyId, Member>& members() const { return members_; }
  // Members of whom two authorities, each in the last it said, say different things: another role, name, kind or group.
  // Settled when one of them says what the other said. Which of the statements acts meanwhile: Member::grant.
  struct Contradiction {
    model::KeyId member;
    std::vector<Grant> grants;  // one an authority, by its key id
  };
  std::vector<Contradiction> contradictions() const;

 private:
  struct Statement {
    Grant grant;
    bool stands = false;
  };
  // Of one issuer about one member for one role, the latest counts.
  using Slot = std::pair<model::KeyId, Role>;
  bool settle(const model::KeyId& first);
  bool choose(const model::KeyId& id);
  bool is_authority(const model::KeyId& id) const;  // of the genesis, or granted so
  void trim(const model::KeyId& issuer);
  bool has_room(const model::KeyId& issuer, const model::KeyId& id) const;  // among those it enrolled
  model::IncidentId incident_;
  std::map<model::KeyId, model::PublicKey> authorities_;
  std::map<model::KeyId, std::map<Slot, Statement>> statements_;  // by member, then issuer and role
  std::map<model::KeyId, std::set<model::KeyId>> issued_;         // by issuer: about whom
  std::size_t waiting_ = 0;                                       // statements that do not stand
  std::map<model::KeyId, std::set<model::KeyId>> enrolled_;       // by enrolment key: about whom, standing
  bool forgot_ = false;
  std::map<model::KeyId, Member> members_;
};

}  // namespace airbridge::trust
