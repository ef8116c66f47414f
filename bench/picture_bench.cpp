// picture_bench [--short]: how fast the picture takes in live tracks and events.
//
// Tracks: 100,000 live ones over Europe, 20,000 updates a second as 2,000 per tenth of a second, each tenth published
// with its spatial index and its delta. The CPU time of that is set against the second it stands for. As a yardstick
// the same observations go into a plain std::unordered_map, which has no readers, no index and no history.
// Rows: name value unit goal ratio ok|short. A ratio of 1 or more meets the goal; "-" has none.
#include <fmt/format.h>

#include <ctime>
#include <string_view>
#include <unordered_map>

#include "base/rng.hpp"
#include "picture/fold.hpp"
#include "trust/keys.hpp"

using namespace airbridge;
using namespace airbridge::picture;

namespace {
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}
template <class F>
double cpu_of(F&& work) {
  const auto start = cpu_seconds();
  work();
  return cpu_seconds() - start;
}

enum class Better { Lower, Higher };
void row(std::string_view name, double value, std::string_view unit, double goal, Better better) {
  const double ratio = better == Better::Lower ? goal / value : value / goal;
  fmt::print("{} {:.4g} {} {:.4g} {:.2f} {}\n", name, value, unit, goal, ratio, ratio >= 1.0 ? "ok" : "short");
}
void row(std::string_view name, double value, std::string_view unit) {
  fmt::print("{} {:.4g} {} - - ok\n", name, value, unit);
}

constexpr int tracks = 100'000;
constexpr int updates_a_second = 20'000;
constexpr int publishes_a_second = 10;
const auto start = utc_from_ms(1'700'000'000'000);

struct Sky {
  Rng rng{1};
  struct Aircraft {
    model::EntityId id;
    double lat, lon;
  };
  std::vector<Aircraft> all;
  std::size_t next = 0;
  Sky() {
    for (int i = 0; i < tracks; ++i) {
      all.push_back(
          {model::external_name("icao", fmt::format("{:06x}", i)), 35 + 30 * rng.unit(), -10 + 40 * rng.unit()});
    }
  }
  model::Observation say(std::size_t i, UtcTime now) {
    auto& a = all[i];
    a.lat = std::min(89.0, a.lat + 0.002 * (rng.unit() - 0.5));
    a.lon = std::min(179.0, a.lon + 0.002 * (rng.unit() - 0.5));
    model::Observation o;
    o.subject = a.id;
    o.kind = model::SubjectKind::Aircraft;
    o.via = model::Via::Adsb;
    o.source = "127.0.0.1:30003";
    o.measured = now;
    o.position = *Position::from_degrees(a.lat, a.lon);
    o.course = TrueBearing::from_degrees(90);
    o.speed = MetresPerSecond{120};
    o.pressure_altitude = PressureAltitude(Metres{3000});
    o.callsign = "REGA12";
    o.heard_only = true;
    return o;
  }
  model::Observation next_one(UtcTime now) {
    next = (next + 7919) % all.size();  // in no order of memory
    return say(next, now);
  }
};

void bench_tracks(Fold& fold, int seconds) {
  Sky sky;
  for (std::size_t i = 0; i < sky.all.size(); ++i) fold.observe(sky.say(i, start), start);
  fold.publish();
  std::vector<PicturePtr> readers;  // hold on to the last pictures, as subscribers do
  const auto second = [&](int n, int updates) {
    for (int tenth = 0; tenth < publishes_a_second; ++tenth) {
      const auto now = start + Milliseconds(1000 * (n + 1) + 100 * tenth);
      for (int i = 0; i < updates / publishes_a_second; ++i) fold.observe(sky.next_one(now), now);
      readers.push_back(fold.publish());
      if (readers.size() > 20) readers.erase(readers.begin());
    }
    fold.drop_lost_tracks(start);
  };
  const auto making = cpu_of([&] {
    for (int i = 0; i < updates_a_second; ++i) sky.next_one(start);
  });
  const auto used = cpu_of([&] {
    for (int n = 0; n < seconds; ++n) second(n, updates_a_second);
  });
  const double share = used / seconds;  // includes making the observations, as a feed would
  row("picture.tracks_cpu_share", share, "core", 1.0, Better::Lower);
  const auto dense = cpu_of([&] {
    for (int n = 0; n < seconds; ++n) second(seconds + n, 5 * updates_a_second);
  });
  row("picture.track_updates", 5.0 * updates_a_second * seconds / dense, "1/s", updates_a_second, Better::Higher);

  std::unordered_map<model::EntityId, model::Observation> plain;
  for (std::size_t i = 0; i < sky.all.size(); ++i) plain[sky.all[i].id] = sky.say(i, start);
  const auto plain_time = cpu_of([&] {
    for (int n = 0; n < seconds * updates_a_second; ++n) {
      auto o = sky.next_one(start);
      plain[o.subject] = std::move(o);
    }
  });
  row("picture.tracks_against_unordered_map", share / (plain_time / seconds), "times");
  row("picture.making_observations_cpu_share", making, "core");

  const auto picture = fold.published();
  std::size_t found = 0;
  const auto box = *box_from_degrees(46, 8, 47, 9);
  const auto by_box = cpu_of([&] {
    for (int i = 0; i < 1000; ++i) found += picture->tracks_in(box).size();
  });
  row("picture.box_query", by_box * 1e3, "us");
  row("picture.box_query_finds", static_cast<double>(found) / 1000, "tracks");
  const auto near = cpu_of([&] {
    for (int i = 0; i < 1000; ++i) found += picture->nearest_tracks(*Position::from_degrees(46.5, 8.5), 10).size();
  });
  row("picture.nearest_10_query", near * 1e3, "us");
}

void bench_entities(const model::IncidentId& incident, const model::Genesis& genesis, int count) {
  const auto author = model::key_id_of(genesis.authorities[0]);
  const auto record = static_cast<std::uint16_t>(model::RecordKind::Casualty);
  const auto key = [&](std::string_view name) { return model::find_field(record, name)->key(); };
  Rng rng(2);
  std::vector<FoldEvent> log;
  log.reserve(static_cast<std::size_t>(count) * 2);
  std::uint64_t seq = 0;
  for (int i = 0; i < count * 2; ++i) {
    const bool creates = i < count;
    model::Event event;
    event.record = record;
    event.time = model::Hlc::at(start + Milliseconds(i));
    FoldEvent in;
    in.dot = {{author, 1}, model::Class::Important, ++seq};
    if (creates) {
      event.entity = in.dot;
      event.writes = {{key("triage"), 1 + static_cast<std::int64_t>(rng.below(4)), {}},
                      {key("life"), 1, {}},
                      {key("place"), model::Value::List{model::Value(470000000 + i), model::Value(110000000)}, {}},
                      {key("count"), 1, {}},
                      {key("name"), "casualty " + std::to_string(i), {}},
                      {key("note"), "found near the road", {}}};
    } else {
      const auto& old = log[rng.below(static_cast<std::uint64_t>(count))];
      event.entity = old.dot;
      event.writes = {{key("triage"), 2, {old.dot}}};
    }
    in.event = std::make_shared<const model::Event>(std::move(event));
    in.bytes = 120;
    in.arrival = seq;
    log.push_back(std::move(in));
  }

  Fold fold(incident, genesis);
  const auto folding = cpu_of([&] {
    for (const auto& in : log) fold.apply(in);
  });
  row("picture.events_folded", static_cast<double>(log.size()) / folding, "1/s", 1'000'000 / 60.0, Better::Higher);
  row("picture.first_publish", cpu_of([&] { fold.publish(); }) * 1e3, "ms");
  row("picture.first_state_hash", cpu_of([&] { fold.state_hash(); }) * 1e3, "ms");
  // From here on, as a live incident is: a few changes, then the hash and a publish.
  FoldEvent more = log.back();
  double hash_time = 0, publish_time = 0;
  constexpr int rounds = 20;
  for (int i = 0; i < rounds; ++i) {
    more.dot.seq = ++seq;
    fold.apply(more);
    hash_time += cpu_of([&] { fold.state_hash(); });
    publish_time += cpu_of([&] { fold.publish(); });
  }
  row("picture.state_hash", hash_time * 1e3 / rounds, "ms", 10, Better::Lower);
  row("picture.publish_one_change", publish_time * 1e3 / rounds, "ms");

  Bytes bytes;
  row("picture.save", cpu_of([&] { bytes = fold.save(); }) * 1e3, "ms");
  row("picture.snapshot_size", static_cast<double>(bytes.size()) / 1e6, "MB");
  std::optional<Fold> loaded;
  const auto loading = cpu_of([&] {
    if (auto result = Fold::load(bytes, incident, genesis)) loaded = *std::move(result);
  });
  if (!loaded || loaded->state_hash() != fold.state_hash()) {
    fmt::print(stderr, "the snapshot does not load\n");
    std::exit(1);
  }
  row("picture.load", loading, "s", 1.0 * count / 100'000, Better::Lower);
}
}  // namespace

int main(int argc, char** argv) {
  const bool brief = argc > 1 && std::string_view(argv[1]) == "--short";
  if (!trust::start()) return 1;
  trust::SigningKey::Seed seed;
  seed.value.fill(1);
  const auto authority = trust::SigningKey::from_seed(seed);
  const auto genesis = trust::make_genesis(authority, "bench", true, start);
  const auto incident = model::incident_of(genesis);
  Fold fold(incident, genesis);
  bench_tracks(fold, brief ? 2 : 10);
  bench_entities(incident, genesis, brief ? 20'000 : 100'000);
}
