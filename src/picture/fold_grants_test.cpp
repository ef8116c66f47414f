// Who may write: grants, what waits for one, and private parts.
#include "picture/fold.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::Class;
using model::RecordKind;

TEST_CASE("an author without a grant is withheld, listed, and folded when the grant arrives") {
  Granted w;
  const auto made = w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "stranger's")});
  CHECK(w.feed(made) == Verdict::Withheld);
  CHECK(w.feed(made) == Verdict::Repeated);
  const auto before = w.node.publish();
  CHECK(before->find(made.dot) == nullptr);
  CHECK(before->counts().withheld == 1);
  REQUIRE(before->withheld().size() == 1);
  CHECK(before->withheld()[0].why == Withheld::NotGranted);
  CHECK(w.feed(w.grant(7, 2)) == Verdict::Folded);
  CHECK(w.name_of(made.dot, "name") == "'stranger's'");
  CHECK(w.node.publish()->counts().withheld == 0);
}

TEST_CASE("a person named as actor needs a grant too") {
  Granted w;
  model::Event event;
  event.record = code(RecordKind::Site);
  event.actor = key_of(9).id();
  event.writes = {write(RecordKind::Site, "name", "by Ana")};
  const auto made = w.make(World::device(2), Class::Important, event, true);
  CHECK(w.feed(made) == Verdict::Withheld);
  CHECK(w.node.publish()->withheld()[0].why == Withheld::ActorNotGranted);
  w.feed(w.grant(9));
  CHECK(w.name_of(made.dot, "name") == "'by Ana'");
}

TEST_CASE("an event that stays withheld says the reason that is left") {
  Granted w;
  model::Event event;
  event.record = code(RecordKind::Site);
  event.actor = key_of(9).id();
  event.writes = {write(RecordKind::Site, "name", "by Ana")};
  w.feed(w.make(World::device(7), Class::Important, event, true));
  CHECK(w.node.publish()->withheld()[0].why == Withheld::NotGranted);
  w.feed(w.grant(7, 2));
  CHECK(w.node.publish()->withheld()[0].why == Withheld::ActorNotGranted);
}

TEST_CASE("a grant is taken from anyone, but nothing else rides in with it") {
  Granted w;
  const auto target = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", "ours")});
  w.feed(target);
  const auto carrier = w.grant(8, 7);  // device 7 is a stranger that carries device 8's grant
  CHECK(w.feed(carrier) == Verdict::Folded);
  CHECK(w.node.roster().may_write(key_of(8).id()));
  const auto statement = trust::encode(w.grant_of(8));
  const auto grant_key = key(code(RecordKind::Membership), "grant");
  // With another write, about another entity, or with a grant that does not stand.
  CHECK(w.feed(w.change(7, RecordKind::Membership, *carrier.event->entity.external(),
                        {{grant_key, statement, {}}, write(RecordKind::Membership, "name", "evil")})) ==
        Verdict::Withheld);
  CHECK(w.feed(w.change(7, RecordKind::Membership, target.dot, {{grant_key, statement, {}}})) == Verdict::Withheld);
  const auto self = key_of(7);
  const auto own = trust::encode(w.grant_of(7, trust::Role::Authority, &self));
  CHECK(w.feed(w.change(7, RecordKind::Membership, model::external_name("key", self.id().hex()),
                        {{grant_key, own, {}}})) == Verdict::Withheld);
  CHECK_FALSE(w.node.roster().may_write(self.id()));
}

TEST_CASE("a stranger's membership comes in with the lower role of who granted it, in every order") {
  World w;
  const auto door = key_of(5);
  const auto membership = [&](std::uint8_t by, const trust::Grant& grant) {
    return w.change(by, RecordKind::Membership, model::external_name("key", model::key_id_of(grant.key).hex()),
                    {{key(code(RecordKind::Membership), "grant"), trust::encode(grant), {}}}, Class::Urgent);
  };
  std::vector<FoldEvent> events{membership(1, w.grant_of(5, trust::Role::Coordinator)),
                                membership(1, w.grant_of(5, trust::Role::Enrolment)),
                                membership(7, w.grant_of(7, trust::Role::Responder, &door)),
                                w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "gate")})};
  std::vector<std::size_t> order{0, 1, 2, 3};
  std::optional<model::Hash> first;
  do {
    auto node = w.fold();
    for (const auto place : order) node.apply(events[place]);
    REQUIRE_FALSE(node.needs_refold());
    REQUIRE(node.publish()->counts().folded == 4);
    if (!first) first = node.state_hash();
    REQUIRE(node.state_hash() == *first);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("withheld events beyond the bound need a refold when their grant arrives") {
  World w;
  auto node = w.fold({.withheld_bytes_max = 150});
  std::vector<FoldEvent> events;
  for (int i = 0; i < 3; ++i) events.push_back(w.create(7, RecordKind::Site, {write(RecordKind::Site, "name", "x")}));
  for (const auto& e : events) CHECK(node.apply(e) == Verdict::Withheld);
  const auto grant = w.grant(7);
  node.apply(grant);
  REQUIRE(node.needs_refold());
  node.begin_again();
  CHECK_FALSE(node.needs_refold());
  for (const auto& e : events) CHECK(node.apply(e) == Verdict::Folded);
  node.apply(grant);
  CHECK_FALSE(node.needs_refold());
  CHECK(node.publish()->counts().folded == 4);
}

TEST_CASE("private writes show to those who can read them and leave the state hash alone") {
  Granted w;
  auto made = w.create(2, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 2)});
  made.private_state = PrivateState::Here;
  made.private_writes = {write(RecordKind::Casualty, "identity", "Ana K.")};
  auto blind = made;
  blind.private_state = PrivateState::Lacking;
  blind.private_writes.clear();
  Granted without;
  w.feed(made);
  without.feed(blind);
  CHECK(w.node.state_hash() == without.node.state_hash());
  CHECK(w.name_of(made.dot, "identity") == "'Ana K.'");
  CHECK(w.see(made.dot).find("identity")->is_private);
  CHECK(without.see(made.dot).find("identity") == nullptr);
  REQUIRE(without.see(made.dot).private_lacking.size() == 1);
  CHECK(without.node.private_lacking() == std::vector<model::Dot>{made.dot});
  // The key, or the part, comes later.
  CHECK(without.feed(made) == Verdict::Repeated);
  CHECK(without.name_of(made.dot, "identity") == "'Ana K.'");
  CHECK(without.node.private_lacking().empty());
}
