#pragma once
// How a node is doing, as a plain value made by the node about once a second and read by the API.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "geo/position.hpp"
#include "model/entry.hpp"
#include "model/event.hpp"

namespace airbridge::api {

struct NodeInfo {
  model::KeyId id;
  std::string name;
  std::string profile;
  std::string version;
  bool insecure_lab = false;
};

struct IncidentInfo {
  model::IncidentId id;
  std::string name;
  bool exercise = false;
};

struct PeerInfo {
  std::string name;  // empty until it said so
  model::KeyId id;
  std::string address;
  std::string state;              // connected | connecting | lost
  UtcTime last_heard{};           // 1970: never
  std::string level = "unknown";  // equal | behind | ahead | unknown: this node against the peer
  std::uint64_t lacks_here = 0;
  std::uint64_t lacks_there = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::string why;
};

struct FeedInfo {
  std::string name;   // tak | adsb | gnss
  std::string state;  // listening | connected | connecting | lost | playing | finished | off
  std::string address;
  std::uint64_t clients = 0;
  std::uint64_t received = 0;
  std::uint64_t refused = 0;                     // damaged input
  std::uint64_t not_carried = 0;                 // declined: outside what a civil system carries
  std::map<std::string, std::uint64_t> reasons;  // of both
  UtcTime last{};
  std::string why;
};

struct StoreInfo {
  std::uint64_t events = 0;
  std::uint64_t durable_to = 0;  // arrival number
  std::string state_hash;
  std::uint64_t damaged = 0;  // ranges of the log that are not readable
  std::uint64_t disk_free_bytes = 0;
  bool refusing_writes = false;
  std::string why;
  std::uint64_t scrubbed_bytes = 0;  // read again since the start, in search of damage
};

struct OwnPosition {
  Position position;
  UtcTime at{};
  std::string source;  // config | page | gpsd
};

// A stamp later than its arrival by more than this names a wrong clock (app/clock_watch.hpp says why not less).
inline constexpr Milliseconds clock_doubt_min{5 * 60'000};

// A node whose clock is ahead of this one's.
struct ClockInfo {
  model::KeyId id;
  std::string name;
  std::int64_t ahead_ms = 0;
  model::ClockQuality quality = model::ClockQuality::None;  // as it says itself
  UtcTime at{};                                             // when its last event came
};

// Which other nodes hold which streams how far: what "shared with N" is counted from.
using HeldTable = std::map<model::StreamId, std::map<model::KeyId, std::uint64_t>>;

struct Status {
  NodeInfo node;
  std::string clock;  // how good this machine's clock is: rtc | ntp | gnss
  IncidentInfo incident;
  std::vector<PeerInfo> peers;
  bool cut_off = false;
  std::uint64_t unshared = 0;  // own events no other node is known to hold
  std::vector<FeedInfo> feeds;
  StoreInfo store;
  std::optional<OwnPosition> own_position;
  std::vector<ClockInfo> clocks;      // the doubtful ones, furthest ahead first
  std::vector<std::string> problems;  // in words, worst first
  std::shared_ptr<const HeldTable> held = std::make_shared<HeldTable>();
  std::set<model::KeyId> posts;  // nodes that count as the command post
};

}  // namespace airbridge::api
