#include "sync/track.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "base/rng.hpp"
#include "sync/compact_bytes.hpp"
#include "sync/test_net.hpp"
#include "sync/track_table.hpp"

using namespace airbridge;
using namespace airbridge::sync;
using namespace airbridge::sync::test;

namespace {
constexpr std::int64_t start_s = 1'767'225'600;
std::vector<Fix> flown(int count, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Fix> out;
  Fix fix{start_s, 4'600'000, 700'000, 1'200};
  for (int i = 0; i < count; ++i) {
    out.push_back(fix);
    fix.time_s += 1 + static_cast<std::int64_t>(rng.below(60));
    fix.lat_e5 += static_cast<int>(rng.below(3'000)) - 1'500;
    fix.lon_e5 += static_cast<int>(rng.below(3'000)) - 1'500;
    fix.height_m = rng.chance(0.1) ? std::nullopt : std::optional(1'000 + static_cast<int>(rng.below(500)));
  }
  return out;
}
model::Observation at(std::uint8_t n, std::int64_t second, double north_m, double east_m = 0) {
  model::Observation out;
  out.subject = model::external_name("own", std::to_string(n));
  out.kind = model::SubjectKind::Helicopter;
  out.gateway = key_of(n).id();
  out.measured = at_ms(second * 1'000).utc;
  out.position = *Position::from_degrees(46 + north_m / 111'200, 7 + east_m / 77'200);
  return out;
}
}  // namespace

TEST_CASE("fixes are read as they were packed, also over the date line and without heights") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto fixes = flown(static_cast<int>(seed * 10), seed);
    CHECK(unpack_fixes(pack_fixes(fixes)) == fixes);
  }
  const std::vector<Fix> edge{{0, 9'000'000, 18'000'000, -1'000}, {1, -9'000'000, -18'000'000, 100'000}, {2, 0, 0, {}}};
  CHECK(unpack_fixes(pack_fixes(edge)) == edge);
}

TEST_CASE("a packed track that is cut, too long, backwards or off the earth is refused") {
  const auto good = pack_fixes(flown(20, 1));
  for (std::size_t i = 0; i < good.size(); ++i) CHECK_FALSE(unpack_fixes(ByteView(good).first(i)));
  auto longer = good;
  longer.push_back(0);
  CHECK_FALSE(unpack_fixes(longer));
  const auto bytes = [](std::uint8_t form, std::uint64_t count, const std::vector<std::uint64_t>& numbers) {
    Bytes out{form};
    compact::put_number(out, count);
    for (const auto number : numbers) compact::put_number(out, number);
    return out;
  };
  CHECK(unpack_fixes(bytes(0, 1, {2, 0, 0})));
  CHECK_FALSE(unpack_fixes(bytes(2, 1, {2, 0, 0})));                // another form
  CHECK_FALSE(unpack_fixes(bytes(0, fixes_per_part_max + 1, {})));  // too many
  CHECK_FALSE(unpack_fixes(bytes(0, 2, {2, 0, 0, 0, 0, 0})));       // the same time again
  CHECK_FALSE(unpack_fixes(bytes(0, 1, {2, 18'000'002, 0})));       // beyond the pole
  CHECK_FALSE(unpack_fixes(bytes(0, 1, {2, 0, 36'000'002})));       // beyond the date line
  CHECK_FALSE(unpack_fixes(bytes(0, 1, {3, 0, 0, 200'002})));       // above the sky
  CHECK_FALSE(unpack_fixes(bytes(0, 1, {UINT64_MAX, 0, 0})));
  CHECK_FALSE(unpack_fixes(bytes(1, 3, {2, 0, 0, 2, 0, 36'000'000, 2, 0, 36'000'000})));  // led off the earth
}

TEST_CASE("a straight way is two fixes, a corner is kept, and standing still is nothing") {
  TrackThinner thinner;
  std::vector<Fix> kept;
  const auto add = [&](std::int64_t second, double north_m, double east_m = 0) {
    for (const auto& fix : thinner.add(fix_of(at(1, second, north_m, east_m)), Metres{5})) kept.push_back(fix);
  };
  for (int s = 0; s <= 100; ++s) add(s, 20.0 * s);
  CHECK(kept.size() == 1);  // where it began
  for (int s = 101; s <= 200; ++s) add(s, 2'000, 20.0 * (s - 100));
  REQUIRE(kept.size() == 2);
  CHECK(std::abs(kept[1].time_s - (start_s + 100)) <= 2);  // the corner
  for (int s = 201; s <= 4'000; ++s) add(s, 2'000 + s % 3, 2'000 + s % 5);
  CHECK(kept.size() == 3);  // where it stopped
  for (int s = 4'001; s <= 4'100; ++s) add(s, 2'000 - 20.0 * (s - 4'000), 2'000);
  REQUIRE(kept.size() == 4);
  CHECK(std::abs(kept[3].time_s - (start_s + 4'000)) <= 2);  // and when it left
  // A long straight way is told all the same, each few minutes.
  for (int s = 4'101; s <= 5'100; ++s) add(s, -20.0 * (s - 4'000), 2'000);
  const auto straight = kept.size();
  CHECK(straight >= 6);
  CHECK(straight <= 9);
  add(10, 0);  // out of order
  CHECK(kept.size() == straight);
}

TEST_CASE("no fix of a thinned track is further from it than the fixes are sure of") {
  Rng rng(7);
  TrackThinner thinner;
  std::vector<Fix> kept, all;
  double north = 0, east = 0, course = 0;
  for (int s = 0; s < 3'600; ++s) {
    course += static_cast<double>(rng.below(200)) / 1000.0 - 0.1;
    north += 50 * std::cos(course), east += 50 * std::sin(course);
    all.push_back(fix_of(at(1, s, north, east)));
    for (const auto& fix : thinner.add(all.back(), Metres{30})) kept.push_back(fix);
  }
  const auto each = static_cast<double>(pack_fixes(kept).size()) / static_cast<double>(kept.size());
  MESSAGE(all.size() << " fixes thinned to " << kept.size() << " of " << each << " B");
  CHECK(kept.size() * 4 < all.size());
  std::size_t next = 0;
  for (const auto& fix : all) {
    while (next + 1 < kept.size() && kept[next + 1].time_s <= fix.time_s) ++next;
    if (next + 1 == kept.size()) break;
    const double part = double(fix.time_s - kept[next].time_s) / double(kept[next + 1].time_s - kept[next].time_s);
    const double lat = kept[next].lat_e5 + (kept[next + 1].lat_e5 - kept[next].lat_e5) * part;
    const double lon = kept[next].lon_e5 + (kept[next + 1].lon_e5 - kept[next].lon_e5) * part;
    REQUIRE(std::hypot((fix.lat_e5 - lat) * 1.112, (fix.lon_e5 - lon) * 1.112 * std::cos(0.803)) < 31);
  }
}

TEST_CASE("a track grows at its end only, whoever tells it how often, and stays within its bounds") {
  TrackTable table;
  const TrackId id{model::external_name("own", "1"), key_of(1).id()};
  const auto fixes = flown(300, 3);
  const auto now = fixes.back().time_s;
  CHECK(table.told(id, fixes, now) == 300);
  CHECK(table.told(id, fixes, now) == 0);
  CHECK(table.told(id, {fixes.begin() + 100, fixes.begin() + 200}, now) == 0);
  CHECK(table.after(id, fixes[290].time_s, 512).size() == 9);
  CHECK(table.after(id, fixes[10].time_s, 4) == std::vector<Fix>(fixes.begin() + 11, fixes.begin() + 15));
  CHECK(table.told(id, {{now + track_lead_max_s + 1, 0, 0, {}}}, now) == 0);
  CHECK(table.told({id.subject, key_of(2).id()}, {{now - track_span_s - 1, 0, 0, {}}}, now) == 0);
  CHECK(table.of(id.subject).size() == 1);
  for (int i = 0; i < 4'000; ++i) table.told(id, {{now + i / 20, 0, 0, {}}, {now + 1 + i / 20, 0, 0, {}}}, now);
  std::vector<Fix> many;
  for (int i = 0; i < 5'000; ++i) many.push_back({now - 40'000 + i, 0, 0, {}});
  const TrackId other{model::external_name("own", "2"), key_of(2).id()};
  table.told(other, many, now);
  CHECK(table.after(other, 0, 10'000).size() == fixes_per_track_max);
  for (std::size_t i = 0; i < tracks_max + 50; ++i)
    table.told({model::external_name("own", "x" + std::to_string(i)), key_of(3).id()}, {{now, 0, 0, {}}}, now);
  CHECK(table.size() == tracks_max);
  for (std::size_t i = 0; i < 200; ++i)
    table.told({model::external_name("own", "y" + std::to_string(i)), key_of(3).id()}, many, now);
  CHECK(table.fixes() <= fixes_total_max);
}

TEST_CASE("where things have been reaches who was away, over others, once") {
  Net net;
  auto& a = net.add(1);
  auto& b = net.add(2);
  auto& c = net.add(3);
  const auto fly = [&](Node& node, std::uint8_t n, int from, int to) {
    for (int s = from; s < to; ++s) {
      const auto leg = s / 60;
      node.core.last_value(at(n, s, (leg % 2 == 0 ? s % 60 : 60) * 50.0, leg * 1'000.0), net.now());
    }
  };
  net.time = 7'200'000;
  fly(a, 1, 0, 1'800);
  fly(c, 3, 0, 1'800);
  const auto track = [](Node& node, std::uint8_t n) {
    const auto found = node.core.tracks().of(model::external_name("own", std::to_string(n)));
    return found.empty() ? std::vector<Fix>{} : found.front().second;
  };
  REQUIRE(track(a, 1).size() > 10);
  auto& ab = net.join(a, b);
  net.settle();
  CHECK(track(b, 1) == track(a, 1));
  net.cut(ab);
  net.join(b, c);
  net.settle();
  CHECK(track(c, 1) == track(a, 1));
  CHECK(track(b, 3) == track(c, 3));
  fly(a, 1, 1'800, 3'600);
  auto& again = net.join(a, b);
  net.settle();
  CHECK(track(b, 1) == track(a, 1));
  CHECK(track(c, 1) == track(a, 1));
  CHECK(track(a, 3) == track(c, 3));
  // Nobody tells what the other holds.
  const auto bytes = again.bytes_ab;
  net.pass(60'000);
  CHECK(again.bytes_ab - bytes < 600);
}

TEST_CASE(
    "what anybody broadcast or a recording plays is nobody's track, nor is what another says of this node's own") {
  TrackTable table;
  auto heard = at(1, 0, 0);
  heard.heard_only = true;
  CHECK_FALSE(table.heard(heard, start_s));
  heard = at(1, 0, 0);
  heard.replayed = true;
  CHECK_FALSE(table.heard(heard, start_s));
  CHECK(table.heard(at(1, 0, 0), start_s));
  CHECK_FALSE(table.heard(at(1, 100'000, 0), start_s));
  // A clock that ran ten years ahead and was set right again.
  constexpr std::int64_t years = 315'360'000;
  for (int s = 0; s < 10; ++s) table.heard(at(1, years + s * 60, s * 1'000), start_s + years + s * 60);
  for (int s = 0; s < 10; ++s) table.heard(at(1, 60 + s * 60, s % 2 * 1'000), start_s + 60 + s * 60);
  CHECK(table.of(at(1, 0, 0).subject).front().second.size() > 3);
  CHECK(table.of(at(1, 0, 0).subject).front().second.back().time_s < start_s + 1'000);
}
