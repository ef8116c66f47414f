#pragma once
// Whole nodes (core, channel, a log in memory) on made-up air in virtual time, for the tests of this folder.
#include <deque>
#include <memory>

#include "bearer/air.hpp"
#include "exchange/channel_links.hpp"
#include "sync/memory_log.hpp"

namespace airbridge::exchange::test {

inline trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}
inline const model::IncidentId incident = [] {
  model::IncidentId id;
  id.value.fill(0x11);
  return id;
}();
inline Now at_ms(std::int64_t ms) {
  return {utc_from_ms(1'767'225'600'000 + ms), SteadyTime(Milliseconds(1'000'000 + ms))};
}

struct Station {
  Station(std::uint8_t n, int place, const model::IncidentId& of)
      : key(key_of(n)),
        on_air(place),
        log(of, {key.id(), 1}),
        core(sync::Config{of, key.id(), "N" + std::to_string(n)}, log) {
    log.add_key(key.public_key());
  }
  trust::SigningKey key;
  int on_air;
  sync::MemoryLog log;
  sync::Core core;
  std::unique_ptr<ChannelLinks> links;
  std::deque<std::pair<SteadyTime, sync::Accept>> writing;  // due when the disk has them
  std::deque<SteadyTime> saving;
  Bytes state;
  std::vector<sync::Output> seen;
  std::vector<std::pair<SteadyTime, model::Observation>> observed;
};

// Somebody else on the air, whose every byte the test decides.
class Guest {
 public:
  virtual ~Guest() = default;
  virtual void receive(ByteView frame, Now now) = 0;
  virtual std::optional<SteadyTime> next_deadline() const = 0;
  virtual void poll(Now now) = 0;
};

class World {
 public:
  World(const bearer::AirProfile& made_of, std::uint64_t seed, const model::IncidentId& of = incident)
      : air(made_of, seed), incident_(of), rng_(seed * 31 + 7) {}

  Station& add(std::uint8_t n, const bearer::Profile& profile) {
    stations.push_back(std::make_unique<Station>(n, air.add_station(), incident_));
    profiles_.push_back(profile);
    return *stations.back();
  }
  // After all stations. With a key, the stations think that it belongs to the incident. Where it is on the air.
  int add_guest(Guest& guest, std::optional<model::KeyId> key = {}) {
    guests_.push_back(&guest);
    if (key) guest_keys_.push_back(*key);
    return air.add_station();
  }
  void start() {
    for (std::size_t i = 0; i < stations.size(); ++i) begin(i);
  }
  void begin(std::size_t i) {
    auto& station = *stations[i];
    bearer::Setup setup;
    setup.profile = profiles_[i];
    setup.node = station.key.id();
    setup.key.value.fill(5);
    setup.start = rng_() | 1;
    setup.state = station.state;
    Handlers handlers;
    handlers.transmit = [this, &station](Bytes frame, Milliseconds) {
      air.send(station.on_air, std::move(frame), now().steady);
    };
    handlers.save = [this, &station](Bytes state) {
      station.state = std::move(state);
      station.saving.push_back(now().steady + Milliseconds(5));
    };
    handlers.name_of = [](const model::KeyId& id) { return id.hex().substr(0, 6); };
    station.core.durable(now());
    station.links = std::make_unique<ChannelLinks>(station.core, sync::LinkProfile{}, 1, std::move(setup),
                                                   *squeezer_used, Rng(rng_()), std::move(handlers), now());
    std::vector<model::KeyId> members;
    for (const auto& other : stations) members.push_back(other->key.id());
    members.insert(members.end(), guest_keys_.begin(), guest_keys_.end());
    station.links->set_members(members, now());
    settle(station);
  }
  void write(Station& station, model::Class cls, std::size_t size = 40) {
    station.log.write(station.key, cls, size, static_cast<std::uint8_t>(rng_()));
    station.core.durable(now());
    settle(station);
  }
  void settle(Station& station) {
    for (auto outputs = station.core.take_outputs(); !outputs.empty(); outputs = station.core.take_outputs()) {
      for (auto& output : outputs) {
        station.links->heed(output, now());
        if (auto* accept = std::get_if<sync::Accept>(&output)) {
          station.writing.emplace_back(now().steady + Milliseconds(10), std::move(*accept));
        } else if (auto* value = std::get_if<sync::LastValue>(&output)) {
          station.observed.emplace_back(now().steady, value->observation);
        } else {
          station.seen.push_back(std::move(output));
        }
      }
    }
  }
  Now now() const { return at_ms(ms_); }
  std::int64_t ms() const { return ms_; }
  bool is_level() const {
    for (const auto& station : stations) {
      if (station->log.vector() != stations[0]->log.vector()) return false;
    }
    return true;
  }
  // The same heads, too.
  bool is_alike() const {
    for (const auto& station : stations) {
      if (station->core.digest() != stations[0]->core.digest()) return false;
    }
    return true;
  }
  // Until then, or until `done`: false when time ran out.
  template <class Done>
  bool run_until(std::int64_t ms, Done done) {
    while (ms_ < ms) {
      if (done()) return true;
      step(ms);
    }
    return done();
  }
  void run_for(std::int64_t ms) {
    run_until(ms_ + ms, [] { return false; });
  }

  bearer::Air air;
  std::vector<std::unique_ptr<Station>> stations;
  bearer::PlainSqueezer plain;
  const bearer::Squeezer* squeezer_used = &plain;

 private:
  void step(std::int64_t until) {
    auto next = SteadyTime(Milliseconds(1'000'000 + until));
    const auto consider = [&](std::optional<SteadyTime> at) {
      if (at) next = std::min(next, *at);
    };
    consider(air.next());
    for (const auto* guest : guests_) consider(guest->next_deadline());
    for (const auto& station : stations) {
      consider(station->links->next_deadline());
      consider(station->core.next_deadline());
      if (!station->writing.empty()) consider(station->writing.front().first);
      if (!station->saving.empty()) consider(station->saving.front());
    }
    ms_ = std::max(ms_ + 1, next.time_since_epoch().count() - 1'000'000);
    for (auto& arrival : air.advance(now().steady)) {
      const auto to = static_cast<std::size_t>(arrival.to);
      if (to >= stations.size()) {
        guests_[to - stations.size()]->receive(arrival.frame, now());
        continue;
      }
      auto& station = *stations[to];
      station.links->receive(arrival.frame, now());
      settle(station);
    }
    for (auto* guest : guests_) {
      if (const auto at = guest->next_deadline(); at && *at <= now().steady) guest->poll(now());
    }
    for (auto& station : stations) {
      while (!station->saving.empty() && station->saving.front() <= now().steady) {
        station->saving.pop_front();
        station->links->saved(now());
      }
      bool wrote = false;
      while (!station->writing.empty() && station->writing.front().first <= now().steady) {
        auto accept = std::move(station->writing.front().second);
        station->writing.pop_front();
        if (accept.author_key) station->log.add_key(*accept.author_key);
        if (station->log.append(accept.run)) {
          station->core.accepted(accept.ticket, now());
        } else {
          station->core.refused(accept.ticket, now());
        }
        wrote = true;
      }
      if (wrote) station->core.durable(now());
      if (const auto at = station->links->next_deadline(); at && *at <= now().steady) station->links->poll(now());
      if (const auto at = station->core.next_deadline(); at && *at <= now().steady) station->core.poll(now());
      settle(*station);
    }
  }
  model::IncidentId incident_;
  std::int64_t ms_ = 0;
  Rng rng_;
  std::vector<bearer::Profile> profiles_;
  std::vector<Guest*> guests_;
  std::vector<model::KeyId> guest_keys_;
};

}  // namespace airbridge::exchange::test
