#include "flood_watch.hpp"

#include <doctest/doctest.h>

using namespace airbridge;
using namespace airbridge::app;

namespace {

model::SealedRun run_of(std::uint8_t author, std::vector<std::int64_t> stamps_ms,
                        model::Class cls = model::Class::Urgent) {
  model::SealedRun run;
  run.seal.stream.writer.author.value.fill(author);
  run.seal.stream.cls = cls;
  for (const auto ms : stamps_ms) {
    model::Entry entry;
    entry.stream = run.seal.stream;
    entry.seq = run.entries.size() + 1;
    model::Event event;
    event.time = model::Hlc::at(utc_from_ms(ms));
    event.record = 1;
    event.entity = entry.dot();
    entry.public_part = model::encode(event, entry.dot());
    run.entries.push_back(std::move(entry));
  }
  run.seal.seq = run.entries.size();
  return run;
}

constexpr std::int64_t minute = 60'000, day = 24 * 60 * minute;
SteadyTime at(std::int64_t ms) { return SteadyTime(Milliseconds(day + ms)); }

}  // namespace

TEST_CASE("thirteen urgent events within ten minutes are a flood, a backlog of a day is none") {
  FloodWatch watch;
  std::vector<std::int64_t> at_once(13, 20'000 * day), over_a_day;
  for (int i = 0; i < 200; ++i) over_a_day.push_back(20'000 * day + i * 7 * minute);
  watch.note(run_of(1, over_a_day), at(0));
  watch.note(run_of(2, std::vector<std::int64_t>(500, 20'000 * day), model::Class::Important), at(0));
  CHECK(watch.flooding(at(0)).empty());
  at_once.pop_back();
  watch.note(run_of(3, at_once), at(0));
  CHECK(watch.flooding(at(0)).empty());
  watch.note(run_of(3, {20'000 * day}), at(0));
  const auto flooding = watch.flooding(at(0));
  REQUIRE(flooding.size() == 1);
  CHECK(flooding[0].first == run_of(3, {}).seal.stream.writer.author);
  CHECK(flooding[0].second == 13);
  CHECK(watch.flooding(at(flood_shown_for.count())).empty());
}

TEST_CASE("events that cannot be read are no flood, and very many authors are not all remembered") {
  FloodWatch watch;
  auto unreadable = run_of(1, std::vector<std::int64_t>(50, 20'000 * day));
  for (auto& entry : unreadable.entries) entry.public_part = Bytes(10, 0xFF);
  watch.note(unreadable, at(0));
  CHECK(watch.flooding(at(0)).empty());
  for (int i = 0; i < 1'000; ++i) {
    auto run = run_of(1, std::vector<std::int64_t>(13, 20'000 * day));
    run.seal.stream.writer.author.value[0] = static_cast<std::uint8_t>(i);
    run.seal.stream.writer.author.value[1] = static_cast<std::uint8_t>(i >> 8);
    for (auto& entry : run.entries) entry.stream = run.seal.stream;
    watch.note(run, at(i));
  }
  CHECK(watch.flooding(at(1'000)).size() == floods_watched_max);
}
