#pragma once
// Stations on made-up air, for the tests of this folder and for the benchmark.
#include <functional>
#include <memory>
#include <set>

#include "bearer/air.hpp"
#include "bearer/channel.hpp"

namespace airbridge::bearer::test {

inline model::KeyId node_of(std::uint8_t n) {
  model::KeyId id;
  id.value.fill(n);
  return id;
}
inline GroupKey group_key(std::uint8_t n = 7) {
  GroupKey key;
  key.value.fill(n);
  return key;
}
inline Now at_ms(std::int64_t ms) {
  return {utc_from_ms(1'767'225'600'000 + ms), SteadyTime(Milliseconds(1'000'000 + ms))};
}

// Messages waiting for each node, handed out in order, urgent ones first.
class Queues final : public Source {
 public:
  struct Waiting {
    std::deque<Bytes> urgent, bulk;
  };
  std::map<model::KeyId, Waiting> waiting;
  std::deque<Bytes> values;
  Digest8 told{};
  std::uint64_t pulls = 0;
  std::function<void()> before_pull;

  Digest8 digest() override { return told; }
  std::vector<Item> pull(const model::KeyId& node, std::size_t room_bytes, Wanted wanted, Now) override {
    ++pulls;
    if (before_pull) before_pull();
    std::vector<Item> out;
    std::size_t used = 0;
    const auto drain = [&](std::deque<Bytes>& from, bool urgent, bool reliable) {
      while (!from.empty() && (out.empty() || used + from.front().size() + 2 <= room_bytes)) {
        used += from.front().size() + 2;
        out.push_back({std::move(from.front()), urgent, reliable});
        from.pop_front();
      }
    };
    if (wanted == Wanted::LastValues) {
      drain(values, false, false);
      return out;
    }
    drain(waiting[node].urgent, true, true);
    if (wanted == Wanted::Everything) drain(waiting[node].bulk, false, true);
    return out;
  }
};

struct Got {
  SteadyTime at{};
  Deliver what;
};

class World;

struct Station {
  model::KeyId id;
  int on_air = 0;
  Queues source;
  PlainSqueezer squeezer;
  Profile profile;
  std::unique_ptr<Channel> channel;
  Bytes disk;  // what the last finished save left
  bool saves = true;
  Milliseconds save_time{5};
  std::vector<std::pair<SteadyTime, Bytes>> saving;
  std::vector<Got> got;
  std::vector<Output> seen;  // everything but Transmit, Deliver and Save
  std::uint64_t starts = 0;
  std::uint64_t saves_done = 0;
  GroupKey key = group_key();
  Planted planted = Planted::None;

  template <class T>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& output : seen) n += std::holds_alternative<T>(output) ? 1 : 0;
    return n;
  }
};

class World {
 public:
  World(const AirProfile& air, std::uint64_t seed) : air(air, seed), rng_(seed * 7919 + 1) {}

  Station& add(std::uint8_t n, const Profile& profile) {
    auto& station = *stations.emplace_back(std::make_unique<Station>());
    station.id = node_of(n);
    station.profile = profile;
    station.on_air = air.add_station();
    return station;
  }
  void start_all() {
    for (auto& station : stations) start(*station);
  }
  void start(Station& station) {
    Setup setup{station.profile, station.id, station.key, rng_() | 1, station.disk, station.planted};
    ++station.starts;
    station.saving.clear();
    station.channel = std::make_unique<Channel>(std::move(setup), station.source, station.squeezer, rng_.fork(), now());
    std::vector<model::KeyId> members;
    for (const auto& other : stations) members.push_back(other->id);
    station.channel->set_members(members, now());
    take(station);
  }
  // The power fails: what was not saved is gone.
  void stop(Station& station) {
    station.channel.reset();
    station.saving.clear();
    air.silence(station.on_air);
  }

  Now now() const { return at_ms(ms_); }
  std::int64_t ms() const { return ms_; }
  static std::int64_t ms_of(SteadyTime time) { return time.time_since_epoch().count() - 1'000'000; }

  void queue_bulk(Station& from, const Station& to, Bytes message) {
    from.source.waiting[to.id].bulk.push_back(std::move(message));
    if (from.channel) from.channel->wake(to.id, false, now());
    take(from);
  }
  void queue_urgent(Station& from, const Station& to, Bytes message) {
    from.source.waiting[to.id].urgent.push_back(std::move(message));
    if (from.channel) from.channel->wake(to.id, true, now());
    take(from);
  }
  void queue_value(Station& from, Bytes value) {
    from.source.values.push_back(std::move(value));
    if (from.channel) from.channel->wake(model::KeyId{}, false, now());
    take(from);
  }
  // Does something later.
  void at(std::int64_t ms, std::function<void()> what) { script_.emplace(ms, std::move(what)); }

  // Runs until then, or until `done` says so. False when time ran out first.
  bool run_until(std::int64_t ms, const std::function<bool()>& done = {}) {
    while (ms_ < ms) {
      if (done && done()) return true;
      std::int64_t next = ms;
      const auto consider = [&](SteadyTime time) { next = std::min(next, std::max(ms_, ms_of(time))); };
      if (const auto time = air.next()) consider(*time);
      if (!script_.empty()) next = std::min(next, std::max(ms_, script_.begin()->first));
      for (auto& station : stations) {
        if (!station->channel) continue;
        if (const auto time = station->channel->next_deadline()) consider(*time);
        for (const auto& [time, state] : station->saving) consider(time);
      }
      // Something that asks for now again and again would never let time go on.
      standing_ = next == ms_ ? standing_ + 1 : 0;
      if (standing_ > 1000) {
        ++stuck;
        ++next;
        standing_ = 0;
      }
      ms_ = next;
      step();
    }
    return done && done();
  }
  bool run_for(std::int64_t ms, const std::function<bool()>& done = {}) { return run_until(ms_ + ms, done); }

  Air air;
  std::vector<std::unique_ptr<Station>> stations;
  std::function<void(const Station&, const Bytes&)> on_sent;  // each frame, as it is handed to the air
  std::function<void(Station&, const Bytes&)> on_arrival;     // before the channel gets it
  std::uint64_t stuck = 0;

 private:
  void step() {
    while (!script_.empty() && script_.begin()->first <= ms_) {
      const auto what = std::move(script_.begin()->second);
      script_.erase(script_.begin());
      what();
    }
    for (auto& station : stations) {
      while (station->channel && !station->saving.empty() && station->saving.front().first <= now().steady) {
        station->disk = std::move(station->saving.front().second);
        station->saving.erase(station->saving.begin());
        ++station->saves_done;
        station->channel->saved(now());
        take(*station);
      }
    }
    for (auto& arrival : air.advance(now().steady)) {
      for (auto& station : stations) {
        if (station->on_air != arrival.to || !station->channel) continue;
        if (on_arrival) on_arrival(*station, arrival.frame);
        station->channel->receive(arrival.frame, now());
        take(*station);
      }
    }
    for (auto& station : stations) {
      if (!station->channel) continue;
      const auto time = station->channel->next_deadline();
      if (time && *time <= now().steady) {
        station->channel->poll(now());
        take(*station);
      }
    }
  }
  void take(Station& station) {
    if (!station.channel) return;
    for (auto& output : station.channel->take_outputs()) {
      if (auto* const transmit = std::get_if<Transmit>(&output)) {
        if (on_sent) on_sent(station, transmit->frame);
        air.send(station.on_air, std::move(transmit->frame), now().steady);
      } else if (auto* const deliver = std::get_if<Deliver>(&output)) {
        station.got.push_back({now().steady, std::move(*deliver)});
      } else if (auto* const save = std::get_if<Save>(&output)) {
        if (station.saves) station.saving.emplace_back(now().steady + station.save_time, std::move(save->state));
      } else {
        station.seen.push_back(std::move(output));
      }
    }
  }

  std::int64_t ms_ = 0;
  std::multimap<std::int64_t, std::function<void()>> script_;
  Rng rng_;
  int standing_ = 0;
};

inline Bytes message_of(Rng& rng, std::size_t size) {
  Bytes out(size);
  rng.fill(out);
  return out;
}
// What `station` got from `node` for itself, reliably, in order.
inline std::vector<Bytes> reliable_of(const Station& station, const model::KeyId& node) {
  std::vector<Bytes> out;
  for (const auto& got : station.got) {
    if (got.what.node == node && got.what.reliable && !got.what.overheard) out.push_back(got.what.message);
  }
  return out;
}

}  // namespace airbridge::bearer::test
