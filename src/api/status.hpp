#pragma once
// How a node is doing, as a plain value made by the node about once a second while somebody asks, and read by the API.
#include <array>
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

// Counts of events by class: urgent, important, routine (model::Class).
using ByClass = std::array<std::uint64_t, model::class_count>;

// What a channel was said to be like (bearer/profile.hpp).
struct ChannelInfo {
  std::uint32_t rate_bps = 0;  // 0: as fast as it goes
  std::size_t mtu = 0;         // bytes of a whole frame
  bool half_duplex = false;
  Milliseconds turn_round{0};
  Milliseconds delay{0};  // one way, an estimate
  bool broadcast = false;
  bool one_way = false;
  bool encrypt = true;    // false: what is said goes signed, in clear
  double duty_cycle = 1;  // share of the time this node may transmit
  Milliseconds beacon_interval{0};
  std::uint32_t cost = 0;  // rank of what a byte costs
};

// One way to a peer. What a kind of bearer does not measure stays empty, and is shown as unknown rather than as zero.
struct LinkInfo {
  std::string bearer;  // its name in the settings; of a plain connection "tcp"
  std::string kind;    // tcp | udp | multicast | serial | satellite | file
  std::string state;   // active: in use | standby: works, another is preferred | connecting | lost
  std::string address;
  UtcTime last_heard{};  // 1970: never
  std::optional<Milliseconds> round_trip;
  std::uint64_t bytes_sent = 0;  // since this link came up, framing included
  std::uint64_t bytes_received = 0;
  std::optional<std::uint64_t> retransmissions;   // frames sent again; of a TCP connection segments
  std::optional<double> occupancy_percent;        // of the channel's time, by everybody heard on it, 0..100
  std::optional<Milliseconds> position_interval;  // at which what moves is said on it, which follows occupancy
  // Of frames, as measured lately, 0..100. Of a TCP connection the share of segments sent again in the last minute,
  // which is at least what was lost.
  std::optional<double> loss_percent;
  std::optional<std::uint64_t> budget_left_bytes;  // of a metered bearer
  std::string why;                                 // of standby and lost
  std::string profile = {};                        // of a plain connection, in words; of others the bearer says it
  std::optional<std::uint64_t> in_use_bps = {};    // bits per second both ways, mean of the last minute
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
  ByClass lacks_here_by_class{};  // their sums are the two above
  ByClass lacks_there_by_class{};
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::string why;
  std::optional<Milliseconds> to_level;  // at the rate measured lately; none: unknown
  std::vector<LinkInfo> links;           // the one in use first
};

// A bearer this node has, whether or not a peer is heard on it.
struct BearerInfo {
  std::string name;
  std::string kind;     // as of LinkInfo
  std::string profile;  // in words, as describe() of app/bearer_spec.hpp has them
  std::string state;    // up | down | off
  std::string address;
  std::optional<double> occupancy_percent;
  std::optional<Milliseconds> position_interval;  // as of LinkInfo
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::map<std::string, std::uint64_t> refused;  // frames not taken since the start, by why
  std::optional<std::uint64_t> budget_bytes;     // of a metered bearer, in its period
  std::optional<std::uint64_t> budget_left_bytes;
  std::string why;                               // of down and off
  ChannelInfo channel = {};                      // the profile in numbers
  std::optional<std::uint64_t> in_use_bps = {};  // as of LinkInfo, with all of its nodes
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

// The picture that is shown is another node's, sent because this one came late; its events are not all here.
struct Unverified {
  model::KeyId from;
  std::string from_name;
  UtcTime made{};            // by that node's clock
  std::uint64_t events = 0;  // it was made of
  std::uint64_t here = 0;    // of these
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
  std::optional<Unverified> unverified;
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

// The same by hearsay: what one node said another holds. Shown as "reported by", never counted as shared.
struct Reported {
  std::uint64_t seq = 0;
  model::KeyId by;
  friend bool operator==(const Reported&, const Reported&) = default;
};
using ReportedTable = std::map<model::StreamId, std::map<model::KeyId, Reported>>;

struct Status {
  NodeInfo node;
  std::string clock;  // how good this machine's clock is: rtc | ntp | gnss
  IncidentInfo incident;
  std::vector<PeerInfo> peers;
  std::vector<BearerInfo> bearers;
  bool cut_off = false;         // other nodes are expected, and none is heard
  UtcTime cut_off_since{};      // when one was last heard; 1970: none was in this run
  std::uint64_t unshared = 0;   // own events no other node is known to hold
  ByClass unshared_by_class{};  // its sum is the above
  std::vector<FeedInfo> feeds;
  StoreInfo store;
  std::optional<OwnPosition> own_position;
  std::uint64_t conflicts = 0;  // to be settled by a person (picture/conflicts.hpp)
  std::uint64_t conflicts_urgent = 0;
  std::vector<ClockInfo> clocks;      // the doubtful ones, furthest ahead first
  std::vector<std::string> problems;  // in words, worst first
  std::shared_ptr<const HeldTable> held = std::make_shared<HeldTable>();
  std::shared_ptr<const ReportedTable> reported = std::make_shared<ReportedTable>();
  std::set<model::KeyId> posts;  // nodes that count as the command post
};

}  // namespace airbridge::api
