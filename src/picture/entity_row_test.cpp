#include <doctest/doctest.h>

#include <algorithm>

#include "picture/resolve.hpp"
#include "picture/test_granted.hpp"

using namespace airbridge;
using namespace airbridge::picture;
using namespace airbridge::picture::test;
using model::RecordKind;
using model::Value;

namespace {
model::KeyId numbered(std::uint32_t number) {
  model::KeyId id;
  for (int i = 0; i < 4; ++i) id.value[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (8 * i));
  return id;
}

// What two devices and a person say of a place, with a conflict, a delete in part and a private part.
struct Busy : Granted {
  FoldEvent site = create(2, RecordKind::Site, {write(RecordKind::Site, "name", "Col de la Croix")});
  FoldEvent casualty = create(3, RecordKind::Casualty, {write(RecordKind::Casualty, "triage", 2)});
  Busy() {
    feed(site);
    for (std::uint8_t device = 2; device <= 4; ++device) {
      feed(change(device, RecordKind::Site, site.dot,
                  {write(RecordKind::Site, "name", fmt::format("by {}", int{device}), {site.dot})}));
    }
    casualty.private_state = PrivateState::Here;
    casualty.private_writes = {write(RecordKind::Casualty, "identity", "Quintessa Example")};
    feed(casualty);
    auto lacking = change(4, RecordKind::Casualty, casualty.dot, {});
    lacking.private_state = PrivateState::Lacking;
    feed(lacking);
    node.publish();
  }
};
}  // namespace

TEST_CASE("a key has one number, and a full table has none for others") {
  KeyTable table;
  for (std::uint32_t i = 0; i < KeyTable::keys_max; ++i) REQUIRE(table.put(numbered(i)) == i);
  CHECK(table.put(numbered(77)) == 77U);
  CHECK(table.find(numbered(300)) == 300U);
  CHECK(table.at(300) == numbered(300));
  CHECK_FALSE(table.put(numbered(KeyTable::keys_max)));
  CHECK_FALSE(table.find(numbered(KeyTable::keys_max)));
}

TEST_CASE("a row gives back the state it was made of, whichever keys it could replace") {
  Busy w;
  const auto picture = w.node.publish();
  std::size_t rows = 0;
  picture->entities().for_each_row([&](const EntityRow& row) {
    const auto records = picture->entities();
    KeyTable none, some;
    some.put(World::device(3).author);
    Bytes with_all;
    for (const auto* keys : {&none, &some}) {
      const auto view = records.view(row);
      const auto state = state_of(row, *w.node.keys());
      const auto made = make_row(*state, *view, {}, *keys);
      CHECK(made->hash == row.hash);
      CHECK(made->packed_bytes > row.packed_bytes);  // keys written out
      Bytes plain;
      put_row(plain, *made, *keys);
      CHECK((with_all.empty() || plain == with_all));
      with_all = plain;
      const auto back = state_of(*made, *keys);
      const auto again = make_row(*back, resolve(*back), {}, *keys);
      CHECK(again->hash == row.hash);
      CHECK(again->packed_bytes == made->packed_bytes);
    }
    ++rows;
  });
  CHECK(rows == picture->entities().size());
}

TEST_CASE("private values and what is lacking of them outlive that the state is put away") {
  Busy w;
  for (int i = 0; i < 3; ++i) {
    const auto view = w.node.publish()->find(w.casualty.dot);
    REQUIRE(view->find("identity") != nullptr);
    CHECK(view->find("identity")->acting.value == Value("Quintessa Example"));
    CHECK(view->find("identity")->is_private);
    CHECK(view->private_lacking.size() == 1);
    CHECK(w.node.private_lacking() == view->private_lacking);
    w.feed(w.change(2, RecordKind::Casualty, w.casualty.dot, {write(RecordKind::Casualty, "count", i)}));
  }
  // The snapshot without them is that of a node that never could read them.
  auto blind = Fold::load(w.node.save(), w.incident, w.genesis);
  REQUIRE(blind);
  CHECK(blind->publish()->find(w.casualty.dot)->find("identity") == nullptr);
  CHECK(blind->private_lacking().size() == 2);
}

TEST_CASE("the brief of a record names the events that stand in it and the last one said") {
  Busy w;
  const auto picture = w.node.publish();
  const auto records = picture->entities();
  records.for_each_row([&](const EntityRow& row) {
    const auto view = records.view(row);
    const auto brief = records.brief(row);
    for (const auto& dot : view->coverage)
      CHECK(std::find(brief.dots.begin(), brief.dots.end(), dot) != brief.dots.end());
    CHECK(brief.last == view->updated->dot);
    CHECK(brief.last_time == view->updated->time);
    CHECK(brief.last_quality == view->updated->quality);
    CHECK(row.arrival == view->arrival);
    CHECK(row.arrived == view->arrived);
  });
}

TEST_CASE("bytes that look like a key and are none stay as they are") {
  Granted w;
  const std::string odd = "P" + std::string(40, 'P') + " and P, PPP";  // 'P' is the head of such a byte string
  const auto site = w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", odd)});
  w.feed(site);
  w.node.publish();
  CHECK(w.see(site.dot).find("name")->acting.value == Value(odd));
}

TEST_CASE("no more states stay open than allowed, also while nobody publishes") {
  Granted w;
  auto fold = w.fold({.open_states_max = 50});
  for (const auto& e : w.log) fold.apply(e);
  std::size_t most = 0;
  std::vector<FoldEvent> sites;
  for (int i = 0; i < 5000; ++i) {
    sites.push_back(w.create(2, RecordKind::Site, {write(RecordKind::Site, "name", std::to_string(i))}));
    fold.apply(sites.back());
    most = std::max(most, fold.open_states());
  }
  CHECK(most <= 50 + 2'000);
  fold.publish();
  CHECK(fold.open_states() <= 50);
  // What is said of one that was put away finds what was there.
  fold.apply(w.change(2, RecordKind::Site, sites[17].dot, {write(RecordKind::Site, "capacity", 12)}));
  const auto view = fold.publish()->find(sites[17].dot);
  CHECK(view->find("name")->acting.value == Value("17"));
  CHECK(view->find("capacity")->acting.value == Value(12));
  CHECK(fold.publish()->entities().size() == 5003);
}

TEST_CASE("an event that many records wait for does not open all their states at once") {
  Granted w;
  auto fold = w.fold({.open_states_max = 50});
  for (const auto& e : w.log) fold.apply(e);
  const auto awaited = w.create(3, RecordKind::Site, {write(RecordKind::Site, "name", "comes last")});
  for (int i = 0; i < 2'000; ++i) {
    model::Event event;
    event.record = code(RecordKind::Site);
    event.writes = {write(RecordKind::Site, "name", std::to_string(i))};
    event.after = {awaited.dot};
    fold.apply(w.make(World::device(2), model::Class::Important, event, true));
  }
  const auto waiting = [](const Picture& picture) {
    std::size_t count = 0;
    picture.entities().for_each([&](const EntityView& view) { count += view.waiting_for.size(); });
    return count;
  };
  CHECK(waiting(*fold.publish()) == 2'000);
  CHECK(fold.open_states() <= 50);
  fold.apply(awaited);
  CHECK(fold.open_states() <= 50 + 200);
  CHECK(waiting(*fold.publish()) == 0);
}
