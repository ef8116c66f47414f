#include "trust/roster.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/rng.hpp"
#include "model/test_events.hpp"
#include "trust/test_world.hpp"

using namespace airbridge;
using namespace airbridge::trust;

namespace {
const test::World world;

Roster roster_of(const std::vector<Grant>& grants) {
  Roster out(world.incident, world.genesis);
  for (const auto& grant : grants) out.add(grant);
  return out;
}
// Who is what, as one text.
std::string picture_of(const Roster& roster) {
  std::string out;
  for (const auto& [id, member] : roster.members()) {
    out += id.hex() + (member.granted ? " granted " : " - ") + std::string(name_of(member.grant.role)) + " " +
           member.grant.signature.hex() + "\n";
  }
  return out;
}
}  // namespace

TEST_CASE("a grant comes back as it was, and has one encoding") {
  auto grant = world.grant(world.authority, world.post, Role::Coordinator, "POST 1");
  grant.groups = {"care", "\u6c34"};
  grant = make_grant(world.authority, world.incident, grant);
  const auto back = decode_grant(encode(grant));
  REQUIRE(back);
  CHECK(*back == grant);
  CHECK(verify_grant(*back, world.incident));
  CHECK_FALSE(verify_grant(*back, test::filled<model::IncidentId>(1)));
  model::test::check_one_encoding(encode(grant), [](const Bytes& in) -> std::optional<Bytes> {
    const auto read = decode_grant(in);
    if (!read) return std::nullopt;
    return encode(*read);
  });
  // No flipped bit leaves a grant that verifies.
  const auto bytes = encode(grant);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto read = decode_grant(flipped);
    if (read) CHECK_FALSE(verify_grant(*read, world.incident));
  }
}

TEST_CASE("an authority of the genesis may write, and grant") {
  Roster roster(world.incident, world.genesis);
  CHECK(roster.may_write(world.authority.id()));
  CHECK_FALSE(roster.may_write(world.post.id()));
  CHECK(roster.add(world.grant(world.authority, world.post, Role::Responder, "POST 1")));
  CHECK(roster.may_write(world.post.id()));
  CHECK(roster.name_of(world.post.id()) == "POST 1");
  CHECK(roster.key_of(world.post.id()) == world.post.public_key());
  CHECK(roster.key_of(world.authority.id()) == world.authority.public_key());
  CHECK_FALSE(roster.key_of(world.stranger.id()));
  CHECK(roster.name_of(world.stranger.id()) == world.stranger.id().hex().substr(0, 8));
  CHECK(roster.name_of(world.authority.id()).starts_with("authority "));
}

TEST_CASE("a viewer and an enrolment key may not write, a responder may not grant") {
  const auto roster = roster_of({world.grant(world.authority, world.guest, Role::Viewer, "Guest"),
                                 world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation"),
                                 world.grant(world.authority, world.post, Role::Coordinator, "POST 1"),
                                 world.grant(world.post, world.stranger, Role::Responder, "Stranger")});
  CHECK_FALSE(roster.may_write(world.guest.id()));
  CHECK(roster.find(world.guest.id())->granted);
  CHECK_FALSE(roster.may_write(world.invitation.id()));
  CHECK(roster.may_write(world.post.id()));
  CHECK_FALSE(roster.may_write(world.stranger.id()));
  CHECK_FALSE(roster.find(world.stranger.id())->granted);
  CHECK(roster.key_of(world.stranger.id()));  // its key is known all the same: seals can be checked
}

TEST_CASE("a newcomer's grants let it in by themselves, in any order, and nobody else") {
  const auto enrolment = world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation");
  const auto truck = world.grant(world.invitation, world.truck, Role::Responder, "TRUCK 2");
  const auto viewer = world.grant(world.invitation, world.guest, Role::Viewer, "Guest");
  const Roster empty(world.incident, world.genesis);
  CHECK(empty.would_let_in(world.truck.id(), {enrolment, truck}));
  CHECK(empty.would_let_in(world.truck.id(), {truck, enrolment}));
  CHECK_FALSE(empty.would_let_in(world.truck.id(), {truck}));
  CHECK_FALSE(empty.would_let_in(world.truck.id(), {enrolment}));
  CHECK_FALSE(empty.would_let_in(world.guest.id(), {enrolment, truck, viewer}));
  CHECK_FALSE(empty.would_let_in(world.invitation.id(), {enrolment, truck}));
  CHECK(roster_of({enrolment}).would_let_in(world.truck.id(), {truck}));
  CHECK(roster_of({enrolment, truck}).would_let_in(world.truck.id(), {}));
  // Whom a newcomer names in turn does not count.
  CHECK_FALSE(empty.would_let_in(world.stranger.id(),
                                 {enrolment, truck, world.grant(world.truck, world.stranger, Role::Responder, "X")}));
}

TEST_CASE("a forged grant changes nothing") {
  Roster roster(world.incident, world.genesis);
  auto forged = world.grant(world.stranger, world.stranger, Role::Authority, "Me");
  forged.issuer = world.authority.public_key();
  CHECK_FALSE(roster.add(forged));
  auto raised = world.grant(world.authority, world.guest, Role::Viewer, "Guest");
  raised.role = Role::Authority;
  CHECK_FALSE(roster.add(raised));
  CHECK(roster.members().empty());
  CHECK(roster.add(world.grant(world.stranger, world.stranger, Role::Authority, "Me")));  // kept, not granted
  CHECK_FALSE(roster.may_write(world.stranger.id()));
}

TEST_CASE("a grant of a useless key is refused") {
  Roster roster(world.incident, world.genesis);
  auto grant = world.grant(world.authority, world.guest, Role::Viewer, "Guest");
  grant.key = {};
  CHECK_FALSE(roster.add(make_grant(world.authority, world.incident, grant)));
  grant = world.grant(world.authority, world.guest, Role::Viewer, "Guest");
  grant.box_key.value[0] = 1;  // of small order
  CHECK_FALSE(roster.add(make_grant(world.authority, world.incident, grant)));
}

TEST_CASE("an invitation enrols responders and viewers, offline and in any order") {
  const auto invitation = world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation");
  const auto newcomer = world.grant(world.invitation, world.truck, Role::Responder, "TRUCK 2");
  const auto too_high = world.grant(world.invitation, world.guest, Role::Coordinator, "Guest");
  const auto another = world.grant(world.invitation, world.stranger, Role::Enrolment, "Invitation 2");
  for (const auto& grants : {std::vector<Grant>{invitation, newcomer, too_high, another},
                             std::vector<Grant>{another, too_high, newcomer, invitation}}) {
    const auto roster = roster_of(grants);
    CHECK(roster.may_write(world.truck.id()));
    CHECK_FALSE(roster.find(world.guest.id())->granted);
    CHECK_FALSE(roster.find(world.stranger.id())->granted);
  }
}

TEST_CASE("an enrolment key that becomes a responder keeps those it enrolled") {
  const auto roster = roster_of({world.grant(world.authority, world.invitation, Role::Responder, "Scout"),
                                 world.grant(world.invitation, world.truck, Role::Responder, "TRUCK 2"),
                                 world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation")});
  CHECK(roster.find(world.invitation.id())->grant.role == Role::Responder);
  CHECK(roster.may_write(world.truck.id()));
}

TEST_CASE("an invitation cannot rename whom an authority granted") {
  for (int i = 0; i < 20; ++i) {  // twenty signatures, larger and smaller than the authority's
    const auto roster =
        roster_of({world.grant(world.authority, world.invitation, Role::Enrolment, "Invitation"),
                   world.grant(world.authority, world.truck, Role::Responder, "TRUCK 2"),
                   world.grant(world.invitation, world.truck, Role::Responder, "Impostor", 1'000'000 + i)});
    CHECK(roster.name_of(world.truck.id()) == "TRUCK 2");
  }
}

TEST_CASE("of two grants of one role the later counts") {
  const auto old = world.grant(world.authority, world.truck, Role::Responder, "TRUCK 2");
  const auto renamed = world.grant(world.authority, world.truck, Role::Responder, "TRUCK 3", 1000);
  CHECK(roster_of({old, renamed}).name_of(world.truck.id()) == "TRUCK 3");
  CHECK(roster_of({renamed, old}).name_of(world.truck.id()) == "TRUCK 3");
  Roster roster = roster_of({renamed});
  CHECK_FALSE(roster.add(old));                                                             // nothing changed
  CHECK_FALSE(roster.add(renamed));                                                         // nor by hearing it again
  CHECK(roster.add(world.grant(world.authority, world.truck, Role::Viewer, "Low", 2000)));  // stands beside it
}

TEST_CASE("a ring of keys that grant each other stands only if somebody outside it does") {
  std::vector<Grant> ring{world.grant(world.post, world.truck, Role::Authority, "a"),
                          world.grant(world.truck, world.guest, Role::Authority, "b"),
                          world.grant(world.guest, world.post, Role::Authority, "c"),
                          world.grant(world.stranger, world.stranger, Role::Authority, "d")};
  const auto floating = roster_of(ring);
  for (const auto& [id, member] : floating.members()) CHECK_FALSE(member.granted);
  ring.push_back(world.grant(world.authority, world.post, Role::Authority, "root"));
  const auto rooted = roster_of(ring);
  CHECK(rooted.may_write(world.post.id()));
  CHECK(rooted.may_write(world.truck.id()));
  CHECK(rooted.may_write(world.guest.id()));
  CHECK_FALSE(rooted.may_write(world.stranger.id()));
}

TEST_CASE("any order of grants gives the same members") {
  // Against a naive reading: grants stand when a standing one lets their issuer make them, found by repetition.
  Rng rng(42);
  std::vector<SigningKey> keys{world.authority};
  for (std::uint8_t i = 20; i < 28; ++i) keys.push_back(test::key_of_seed(i));
  int granted = 0;
  for (int round = 0; round < 60; ++round) {
    CAPTURE(round);
    std::vector<Grant> grants;
    for (auto n = 1 + rng.below(25); n > 0; --n) {
      grants.push_back(world.grant(keys[rng.below(keys.size())], keys[rng.below(keys.size())],
                                   static_cast<Role>(rng.below(5)), "n" + std::to_string(n),
                                   static_cast<std::int64_t>(rng.below(4))));
    }
    const auto once = roster_of(grants);
    const auto wanted = picture_of(once);
    for (int order = 0; order < 6; ++order) {
      std::shuffle(grants.begin(), grants.end(), rng);
      CHECK(picture_of(roster_of(grants)) == wanted);
    }
    std::vector<bool> stands(grants.size());
    for (bool grew = true; grew;) {
      grew = false;
      for (std::size_t i = 0; i < grants.size(); ++i) {
        if (stands[i]) continue;
        bool may = grants[i].issuer == world.authority.public_key();
        for (std::size_t k = 0; k < grants.size(); ++k) {
          if (!stands[k] || grants[k].key != grants[i].issuer) continue;
          may = may || grants[k].role == Role::Authority ||
                (grants[k].role == Role::Enrolment &&
                 (grants[i].role == Role::Responder || grants[i].role == Role::Viewer));
        }
        if (may) grew = stands[i] = true;
      }
    }
    for (const auto& key : keys) {
      bool is_granted = false;
      for (std::size_t i = 0; i < grants.size(); ++i) {
        is_granted = is_granted || (stands[i] && grants[i].key == key.public_key());
      }
      const auto* member = once.find(key.id());
      CHECK((member != nullptr && member->granted) == is_granted);
      granted += is_granted;
    }
  }
  CHECK(granted > 50);
}

TEST_CASE("grants by nobody are bounded, and do not crowd out the others") {
  Roster roster(world.incident, world.genesis);
  const auto late = world.grant(world.stranger, world.guest, Role::Viewer, "Guest");
  std::array<std::uint8_t, 32> seed{};
  for (std::size_t i = 0; i < roster_waiting_max + 5; ++i) {
    seed[0] = static_cast<std::uint8_t>(i);
    seed[1] = static_cast<std::uint8_t>(i >> 8);
    seed[2] = 77;
    const auto junk = SigningKey::from_seed(SigningKey::Seed{seed});
    CHECK(roster.add(world.grant(junk, junk, Role::Authority, "junk")) == (i < roster_waiting_max));
  }
  CHECK_FALSE(roster.add(late));
  CHECK(roster.members().size() == roster_waiting_max);
  CHECK(roster.add(world.grant(world.authority, world.post, Role::Responder, "POST 1")));
  CHECK(roster.may_write(world.post.id()));
}

TEST_CASE("a grant that begins to stand is a change, also where a higher one speaks for its member") {
  Roster roster(world.incident, world.genesis);
  CHECK(roster.add(world.grant(world.authority, world.invitation, Role::Coordinator, "POST 1")));
  const auto enrolled = world.grant(world.invitation, world.guest, Role::Responder, "Guest");
  roster.add(enrolled);
  CHECK_FALSE(roster.stands(enrolled));
  CHECK(roster.add(world.grant(world.authority, world.invitation, Role::Enrolment, "POST 1")));
  CHECK(roster.stands(enrolled));
  CHECK(roster.may_write(world.guest.id()));
}

TEST_CASE("of more than an enrolment key may let in the same count, whichever came first") {
  const auto right = world.grant(world.authority, world.invitation, Role::Enrolment, "door");
  std::vector<Grant> grants;
  std::array<std::uint8_t, 32> seed{};
  for (std::size_t i = 0; i < enrolled_max + 20; ++i) {
    seed[0] = static_cast<std::uint8_t>(i);
    seed[1] = static_cast<std::uint8_t>(i >> 8);
    seed[2] = 78;
    const auto key = SigningKey::from_seed(SigningKey::Seed{seed});
    grants.push_back(world.grant(world.invitation, key, Role::Responder, "G"));
  }
  std::optional<std::string> first;
  for (const auto place : {std::size_t{0}, grants.size() / 2, grants.size()}) {
    auto order = grants;
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(place), right);
    Roster roster(world.incident, world.genesis);
    roster.add_until_settled(order);
    CHECK(std::count_if(roster.members().begin(), roster.members().end(), [](const auto& member) {
            return member.second.granted && member.second.grant.role == Role::Responder;
          }) == static_cast<std::ptrdiff_t>(enrolled_max));
    for (const auto& grant : grants) {
      const auto id = model::key_id_of(grant.key);
      CHECK(roster.would_let_in(id, {grant}) == roster.may_write(id));
    }
    if (!first) first = picture_of(roster);
    CHECK(picture_of(roster) == *first);
    std::reverse(grants.begin(), grants.end());
  }
  // Of somebody who becomes an authority all count.
  Roster roster(world.incident, world.genesis);
  grants.push_back(right);
  roster.add_until_settled(grants);
  grants.push_back(world.grant(world.authority, world.invitation, Role::Authority, "door"));
  roster.add_until_settled(grants);
  CHECK(roster.members().size() == enrolled_max + 21);
}

TEST_CASE("names of roles") {
  CHECK(name_of(Role::Viewer) == "viewer");
  CHECK(name_of(Role::Enrolment) == "enrolment");
  CHECK(name_of(static_cast<Role>(9)) == "newer");
}
