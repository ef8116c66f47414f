// The ledger on a disk in memory that fails, fills and forgets: what it says, and that it heals by itself.
#include "ledger.hpp"

#include <doctest/doctest.h>

#include "clock_quality.hpp"
#include "store/log.hpp"
#include "store/snapshot.hpp"
#include "test_ledger.hpp"

namespace airbridge::app {
namespace {

using api::CommandResult;
using namespace test;

// Where the last segment's records end.
std::pair<std::string, std::size_t> end_of_log(const SimDisk& disk) {
  const auto names = disk.list();
  std::string last;
  for (const auto& name : *names) {
    if (store::segment_number(name)) last = name;
  }
  const auto bytes = disk.content(last);
  std::size_t end = bytes.size();
  while (end > 0 && bytes[end - 1] == 0) --end;
  return {last, (end + 7) / 8 * 8};
}

}  // namespace

TEST_CASE("after one failed write commands are refused in words, and taken again when the disk works") {
  LedgerWorld world;
  world.start();
  REQUIRE(world.command(message("before")));
  SUBCASE("the sync fails once") { world.disk.fail_fdatasync(1); }
  SUBCASE("the write fails once") { world.disk.fail_writes(1); }
  SUBCASE("the disk is full for a while") { world.disk.set_quota(0); }
  const auto big = std::string(3000, 'x');
  // More than the room that was reserved ahead.
  std::size_t answers = 0, refused = 0;
  for (int i = 0; i < 500; ++i) {
    world.ledger->command(message(big), [&](const CommandResult& result) {
      ++answers;
      if (result) return;
      ++refused;
      CHECK(result.error().status == 507);
    });
  }
  REQUIRE(world.until([&] { return answers == 500; }));
  CHECK(refused > 0);
  world.disk.set_quota(UINT64_MAX);
  // Nobody else writes: the node finds out by itself.
  REQUIRE(world.until([&] { return !world.ledger->store_info().refusing_writes; }));
  const auto taken = world.command(message(big, 3));
  REQUIRE(taken);
  CHECK(world.shows(taken->entity));
  CHECK(world.events_told() == world.ledger->store_info().events);
}

TEST_CASE("a full disk with a torn log starts, serves, and begins to write when there is room") {
  LedgerWorld world;
  world.start();
  const auto kept = world.command(message("kept"));
  REQUIRE(kept);
  const auto before = world.ledger->writer();
  world.cut();
  const auto [name, end] = end_of_log(world.disk);
  auto bytes = world.disk.content(name);
  bytes.resize(std::max(bytes.size(), end + 64));
  for (std::size_t i = 0; i < 40; ++i) bytes[end + i] = static_cast<std::uint8_t>(i + 1);
  world.disk.set_content(name, bytes);
  world.disk.set_quota(0);
  world.start();
  CHECK(world.shows(kept->entity));
  CHECK(world.ledger->store_info().refusing_writes);
  CHECK(world.ledger->store_info().damaged == 0);  // a torn end is none
  const auto refused = world.command(message("not now"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().status == 507);
  world.disk.set_quota(UINT64_MAX);
  REQUIRE(world.until([&] { return !world.ledger->store_info().refusing_writes; }));
  REQUIRE(world.command(message("now")));
  CHECK(world.ledger->writer().incarnation != before.incarnation);
}

TEST_CASE("what a power cut left without its seal is gone, and its repetition is written anew and can be sent") {
  LedgerWorld world;
  world.start();
  REQUIRE(world.command(message("torn", 9)));
  world.cut();
  const auto [name, end] = end_of_log(world.disk);
  auto bytes = world.disk.content(name);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(end - 80), bytes.end(), std::uint8_t{0});  // inside the seal
  world.disk.set_content(name, bytes);
  world.start();
  CHECK(world.events_told() == world.ledger->store_info().events);
  const auto again = world.command(message("torn", 9));
  REQUIRE(again);
  CHECK_FALSE(again->repeated);
  CHECK(world.events_told() == world.ledger->store_info().events);
}

TEST_CASE("an own event whose seal rotted is sealed again at the start") {
  LedgerWorld world;
  world.start();
  const auto made = world.command(message("first", 9));
  REQUIRE(made);
  const auto end = end_of_log(world.disk);
  REQUIRE(world.command(message("second, so that the first batch is known to be durable")));
  world.cut();
  world.disk.flip(end.first, end.second - 20, 1);
  // Without the second message's seal, which would vouch for the first too.
  const auto last = end_of_log(world.disk);
  world.disk.flip(last.first, last.second - 20, 1);
  world.start();
  CHECK(world.events_told() == world.ledger->store_info().events);
  CHECK(world.shows(made->entity));
}

TEST_CASE(
    "the own key that rotted is in the log again after the start: without it nobody could check what is written") {
  LedgerWorld world;
  world.start();
  REQUIRE(world.command(message("first")));
  world.cut();
  const auto key = world.home.node_key.public_key();
  bool rotted = false;
  const auto names = *world.disk.list();
  for (const auto& name : names) {
    const auto bytes = world.disk.content(name);
    const auto place = std::search(bytes.begin(), bytes.end(), key.value.begin(), key.value.end());
    if (place == bytes.end() || !name.starts_with("log-")) continue;
    world.disk.flip(name, static_cast<std::uint64_t>(place - bytes.begin()), 1);
    rotted = true;
  }
  REQUIRE(rotted);
  world.start();
  REQUIRE(world.command(message("second")));
  CHECK(world.ledger->view().author_key(model::key_id_of(key)) == key);
  world.cut();
  world.start();
  CHECK(world.ledger->view().author_key(model::key_id_of(key)) == key);
}

TEST_CASE("entries whose proof is a later seal are written without it; what contradicts is refused, not put off") {
  LedgerWorld world;
  world.start();
  const auto key = key_of(9);
  auto author = stranger(world, key);
  const auto now = world.clock.now().utc;
  const auto first = author.make(message("1"), now, model::ClockQuality::Ntp);
  const auto second = author.make(message("2"), now, model::ClockQuality::Ntp);
  CHECK(world.accept({{first->front().entry}, second->front().seal}, key) == Accepted::Written);
  auto other = stranger(world, key);
  const auto contradiction = other.make(message("another first"), now, model::ClockQuality::Ntp);
  CHECK(world.accept({{contradiction->front().entry}, contradiction->front().seal}, key) == Accepted::Refused);
  world.disk.set_quota(0);
  CHECK(world.accept({{second->front().entry}, second->front().seal}, key) == Accepted::Written);  // reserved room
  model::SealedRun big;
  for (int i = 0; i < 40; ++i) {
    auto made = author.make(message(std::string(3500, 'x')), now, model::ClockQuality::Ntp);
    big.entries.push_back(made->front().entry);
    big.seal = made->front().seal;
  }
  std::optional<Accepted> outcome;
  for (int i = 0; i < 20 && (!outcome || outcome == Accepted::Written); ++i) {
    outcome = world.accept(big, key);
    big.entries.clear();
    for (int n = 0; n < 40; ++n) {
      auto made = author.make(message(std::string(3500, 'x')), now, model::ClockQuality::Ntp);
      big.entries.push_back(made->front().entry);
      big.seal = made->front().seal;
    }
  }
  CHECK(outcome == Accepted::DiskFault);
}

TEST_CASE("a new incarnation is used only when its record is durable, and the doubt outlives a crash") {
  LedgerWorld world;
  world.start();
  REQUIRE(world.command(message("before")));
  const auto before = world.ledger->writer();
  world.options.retry_first = world.options.retry_max = Milliseconds(60'000);
  world.cut();
  world.start();
  int syncs = 0;
  world.disk.on_fdatasync([&] {
    if (++syncs == 2) world.disk.fail_fdatasync(1);  // the first is the DOUBT file's
  });
  world.ledger->begin_incarnation("another node knows more of this one");
  const auto refused = world.command(message("not in the old one"));
  REQUIRE_FALSE(refused);
  CHECK(world.until([&] { return syncs >= 2; }));
  CHECK(world.ledger->writer() == before);
  world.disk.on_fdatasync({});
  world.cut();
  world.start();
  CHECK(world.ledger->open_report().new_incarnation);
  CHECK(world.ledger->writer().incarnation != before.incarnation);
}

TEST_CASE("stamps follow other nodes' within five minutes, and say how good the clock is") {
  LedgerWorld world;
  world.options.clock_quality = [] { return model::ClockQuality::Gnss; };
  world.start();
  const auto key = key_of(9);
  auto author = stranger(world, key);
  const auto now = world.clock.now().utc;
  const auto stamp = [&] {
    const auto made = world.command(message("own"));
    REQUIRE(made);
    return *world.ledger->publish()->find(made->entity)->updated;
  };
  const auto ahead = author.make(message("fast clock"), now + Milliseconds(120'000), model::ClockQuality::Rtc);
  REQUIRE(world.accept({{ahead->front().entry}, ahead->front().seal}, key) == Accepted::Written);
  CHECK(stamp().time > ahead->front().event.time);
  CHECK(stamp().quality == model::ClockQuality::Gnss);
  const auto absurd = author.make(message("absurd clock"), now + Milliseconds(3'600'000), model::ClockQuality::Rtc);
  REQUIRE(world.accept({{absurd->front().entry}, absurd->front().seal}, key) == Accepted::Written);
  CHECK(stamp().time < absurd->front().event.time);
}

TEST_CASE("a receiver's time counts while it is young and close") {
  using model::ClockQuality;
  const auto now = utc_from_ms(1'773'480'600'000);
  const auto fix = now - Milliseconds(5'000);
  CHECK(clock_quality(ClockQuality::Rtc, Milliseconds(-40), fix, now) == ClockQuality::Gnss);
  CHECK(clock_quality(ClockQuality::Ntp, Milliseconds(900), fix, now) == ClockQuality::Ntp);
  CHECK(clock_quality(ClockQuality::Rtc, Milliseconds(0), now - gnss_fix_age_max * 2, now) == ClockQuality::Rtc);
  CHECK(clock_quality(ClockQuality::Rtc, std::nullopt, {}, now) == ClockQuality::Rtc);
}

TEST_CASE("what a restart folds from the log is what was folded when it came, arrival numbers included") {
  LedgerWorld world;
  world.start();
  const auto made = world.command(message("kept"));
  REQUIRE(made);
  const auto hash = world.ledger->state_hash();
  const auto arrival = world.ledger->publish()->find(made->entity)->arrival;
  world.cut();
  world.start();
  CHECK(world.ledger->publish()->find(made->entity)->arrival == arrival);
  CHECK(world.ledger->state_hash() == hash);
}

TEST_CASE("a log that cannot be read for a while is named, and folded to its end as soon as it can be") {
  LedgerWorld world;
  world.options.log.segment_bytes = 1024;  // a segment a message
  world.options.fold_again = Milliseconds(5);
  world.start();
  const auto first = world.command(message(std::string(1000, 'x')));
  REQUIRE(first);
  for (int i = 0; i < 80; ++i) REQUIRE(world.command(message(std::string(1000, 'x'))));
  const auto hash = world.ledger->state_hash();
  // A start opens each segment to scan it. Of so many, the first are opened once more to be folded.
  const auto name = store::segment_name(3);
  int opened = 0, opened_by_start = 0;
  bool is_broken = false;
  const auto unopenable = [&](std::string_view file) {
    if (file == name) ++opened;
    return is_broken && file == name && opened >= opened_by_start;
  };
  world.cut();
  world.start(unopenable);
  REQUIRE(world.ledger->state_hash() == hash);
  opened_by_start = std::exchange(opened, 0);
  REQUIRE(opened_by_start > 1);
  is_broken = true;
  world.options.snapshot_every = 1;
  world.cut();
  world.start(unopenable);
  REQUIRE(world.ledger->problems().size() == 1);
  CHECK(world.ledger->problems().front().find("cannot be read from arrival number 1 on") != std::string::npos);
  CHECK(world.ledger->store_info().damaged == 0);
  CHECK_FALSE(world.shows(first->entity));
  const auto meanwhile = world.command(message("meanwhile"));
  REQUIRE(meanwhile);
  CHECK(world.shows(meanwhile->entity));

  SUBCASE("while the node runs") {
    is_broken = false;
    REQUIRE(world.until([&] { return world.ledger->problems().empty(); }));
    CHECK(world.shows(first->entity));
    const auto healed = world.ledger->state_hash();
    world.cut();
    world.start();
    CHECK(world.ledger->state_hash() == healed);
  }
  SUBCASE("at the next start: no snapshot says that it holds what was not folded") {
    world.cut();
    world.start();
    CHECK(world.shows(first->entity));
    CHECK(world.shows(meanwhile->entity));
    CHECK(world.ledger->problems().empty());
  }
}

TEST_CASE("rot that nobody reads is found by the scrub, and is no damage any more when a peer has sent it again") {
  LedgerWorld world;
  world.options.scrub_pause = Milliseconds(1);
  world.start();
  const auto key = key_of(9);
  auto author = stranger(world, key);
  const auto now = world.clock.now().utc;
  const auto first = author.make(message("first"), now, model::ClockQuality::Ntp);
  const auto second = author.make(message("second"), now, model::ClockQuality::Ntp);
  REQUIRE(world.accept({{first->front().entry}, first->front().seal}, key) == Accepted::Written);
  const auto at = end_of_log(world.disk);
  REQUIRE(world.accept({{second->front().entry}, second->front().seal}, key) == Accepted::Written);
  auto bytes = world.disk.content(at.first);
  const auto& lost = first->front().entry.public_part;
  const auto place = std::search(bytes.begin(), bytes.end(), lost.begin(), lost.end());
  REQUIRE(place != bytes.end());
  world.disk.flip(at.first, static_cast<std::uint64_t>(place - bytes.begin()), 1);
  REQUIRE(world.until([&] { return world.ledger->store_info().damaged == 1; }));
  REQUIRE(world.accept({{first->front().entry}, first->front().seal}, key) == Accepted::Written);
  CHECK(world.ledger->store_info().damaged == 0);
  world.cut();
  world.start();
  CHECK(world.ledger->store_info().damaged == 0);
}

TEST_CASE(
    "what gave way to what its author signed is gone from the picture, and stays away after a start from a snapshot") {
  LedgerWorld world;
  world.options.scrub_pause = Milliseconds(1);
  world.options.snapshot_every = 1;
  world.start();
  const auto& key = world.home.node_key;  // which may write here, in another incarnation
  trust::Author author(key, world.home.incident, 77, world.home.data_keys,
                       [] { return trust::random_fixed<FixedBytes<16, struct trust::SaltTag>>(); });
  const auto make = [&](trust::Author& by, std::string_view text) {
    return by.make(message(text), world.clock.now().utc, model::ClockQuality::Ntp)->front();
  };
  // A record is named by its event's number: the same of both contents.
  const auto shows = [&](const trust::AuthoredEntry& made, std::string_view text) {
    const auto id = model::decode_event(made.entry.public_part, made.entry.dot())->entity;
    const auto shown = world.ledger->publish()->find(id);
    const auto* const field = shown ? shown->find(message(text).writes[0].key) : nullptr;
    return field != nullptr && field->acting.value == model::Value(std::string(text));
  };
  const auto first = make(author, "first");
  auto restored = author;
  const auto lost = make(author, "lost"), unproven = make(author, "unproven");
  const auto second = make(restored, "other second"), third = make(restored, "other third");
  REQUIRE(world.accept({{first.entry}, first.seal}, key) == Accepted::Written);
  REQUIRE(world.accept({{lost.entry, unproven.entry}, unproven.seal}, key) == Accepted::Written);
  REQUIRE(shows(unproven, "unproven"));
  const auto names = *world.disk.list();
  for (const auto& name : names) {
    const auto bytes = world.disk.content(name);
    const auto& rots = lost.entry.public_part;
    const auto place = std::search(bytes.begin(), bytes.end(), rots.begin(), rots.end());
    if (place != bytes.end() && store::segment_number(name))
      world.disk.flip(name, static_cast<std::uint64_t>(place - bytes.begin()), 1);
  }
  REQUIRE(world.until([&] { return world.ledger->store_info().damaged == 1; }));
  // A snapshot that shows what is to give way.
  world.clock.pass(2 * ledger::snapshot_rest);
  REQUIRE(world.command(message("meanwhile")));
  const auto snapshots = [&] {
    const auto now_there = *world.disk.list();
    return std::ranges::count_if(now_there, [](const auto& name) { return store::snapshot_arrival(name).has_value(); });
  };
  REQUIRE(world.until([&] { return snapshots() == 1; }));

  REQUIRE(world.accept({{second.entry, third.entry}, third.seal}, key) == Accepted::Written);
  const auto is_settled = [&] {
    return shows(first, "first") && shows(second, "other second") && shows(third, "other third");
  };
  REQUIRE(world.until(is_settled));
  const auto hash = world.ledger->state_hash();
  world.cut();
  REQUIRE(snapshots() == 1);
  world.start();
  CHECK(is_settled());
  CHECK(world.ledger->state_hash() == hash);
}

TEST_CASE(
    "rot in an own stream that a peer's question comes upon begins a new incarnation before anything is written") {
  LedgerWorld world;
  world.start();
  REQUIRE(world.command(message("first")));
  const auto at = end_of_log(world.disk).second;
  REQUIRE(world.command(message("second")));
  REQUIRE(world.command(message("third")));
  const auto before = world.ledger->writer();
  const model::StreamId stream{before, model::Class::Important, {}};
  world.disk.flip(end_of_log(world.disk).first, at + 100, 1);
  const auto reached = world.ledger->view().vector().at(stream);
  (void)world.ledger->view().runs_after(stream, 0, 1 << 20);
  REQUIRE(world.ledger->view().vector().at(stream) < reached);
  // Behind the hole nobody would ever be sent it.
  const auto refused = world.command(message("fourth", 9));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().status == 503);
  REQUIRE(world.until([&] { return world.ledger->writer().incarnation != before.incarnation; }));
  const auto made = world.command(message("fourth", 9));
  REQUIRE(made);
  CHECK_FALSE(made->repeated);
  CHECK(made->dots.front().writer == world.ledger->writer());
}

TEST_CASE("a marker dragged faster than the disk syncs does not pile up, and ends where it was left") {
  LedgerWorld world;
  world.start();
  const auto unit = static_cast<std::uint16_t>(model::RecordKind::Unit);
  model::Draft draft;
  draft.record = unit;
  draft.via = model::Via::Tak;
  draft.entity = model::external_name("tak", "marker");
  std::size_t answers = 0, most = 0;
  const Meet meet = [](model::Draft said, const picture::EntityView*) { return Meeting{std::move(said), {}}; };
  for (int i = 0; i < 20'000; ++i) {
    draft.writes = {write_of(model::RecordKind::Unit, "callsign", model::Value("Alpha " + std::to_string(i)))};
    world.ledger->report(draft, meet, [&](const Reported&) { ++answers; });
    most = std::max(most, world.ledger->waiting());
  }
  CHECK(most <= 2);  // one on its way, one waiting
  REQUIRE(world.until([&] { return answers == 20'000; }));
  const auto picture = world.ledger->publish();
  const auto shown = picture->find(*draft.entity);
  const auto* field = shown->find(draft.writes[0].key);
  REQUIRE(field != nullptr);
  CHECK(field->acting.value == model::Value("Alpha 19999"));
}

}  // namespace airbridge::app
