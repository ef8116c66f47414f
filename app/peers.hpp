#pragma once
// Links to other nodes: the sockets around sync::Core. Core loop thread only.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/status.hpp"
#include "bearers.hpp"
#include "flood_watch.hpp"
#include "level_estimate.hpp"
#include "link_use.hpp"
#include "loop_thread.hpp"
#include "lost_peers.hpp"
#include "meter.hpp"
#include "net/lasting_connection.hpp"
#include "peer_address.hpp"
#include "sync/core.hpp"

namespace airbridge::app {

inline constexpr std::size_t peer_connections_max = sync::peers_max;  // accepted ones; further callers are turned away
// Unsent bytes of one link: room for a frame of the largest size beside what a burst hands over. A peer that reads so
// slowly is cut off; a link this node opened is opened anew.
inline constexpr std::size_t peer_queue_bytes_max = 4 * 1024 * 1024;

// A far side that refuses (another incident, a twin, no node at all) is dialled again after 2 s, then twice as long
// each time, up to this.
inline constexpr Milliseconds refused_wait_max{60'000};
// What was said of a link that came to nothing is said again in the log after so long. Of so many is that remembered.
inline constexpr Milliseconds said_again_after{10 * 60'000};
inline constexpr std::size_t said_kept_max = 64;
// How often a metered way is told what is left of its budget.
inline constexpr Milliseconds budget_every{1'000};
// How often it is kept what was heard of the others, when it changed; and when the node stops.
inline constexpr Milliseconds heard_every{60'000};
// How long a second device with a node's keys stays a problem after it was last met; well above refused_wait_max.
inline constexpr Milliseconds twin_shown_for{3 * 60'000};
// Who sent what was not taken is a problem for so long after the last time. So many are kept, the latest first, and so
// many named.
inline constexpr Milliseconds misdeed_shown_for{10 * 60'000};
inline constexpr std::size_t misdeeds_kept_max = 32;
inline constexpr std::size_t misdeeds_named_max = 3;
// A caller from a machine from which such came lately is not read for a while, so that calling again and again is no
// way to have more time of this node than one link gets. Of so many machines is that remembered; the oldest goes.
inline constexpr Milliseconds caller_wait{1'000};
inline constexpr Milliseconds trouble_lasts{60'000};
inline constexpr std::size_t troubles_kept_max = 64;

class Peers {
 public:
  struct Handlers {
    std::function<void(sync::Accept)> on_accept;  // write it, then accepted() or refused()
    std::function<void(const model::Observation&)> on_observation;
    std::function<void(const sync::ForkFound&)> on_fork;
    std::function<void(const sync::OwnStreamAhead&)> on_own_ahead;
    std::function<void(const sync::SnapshotAsked&)> on_snapshot_asked = {};  // answer with offer_snapshot()
    std::function<void(sync::SnapshotCame)> on_snapshot = {};
    std::function<void()> on_change;  // who holds what, or who is there, has changed
    // Does the node belong to the incident by the grants known here? Only such a one is missed when it is gone, and
    // only what such a one says to hold is counted as saved there.
    // Without it everybody does.
    std::function<bool(const model::KeyId&)> is_member = {};
    std::function<void(const sync::Compared&)> on_compared = {};
  };
  Peers(net::EventLoop& loop, const Clock& clock, const sync::Config& config, const sync::LogView& log,
        Handlers handlers, std::size_t queue_bytes_max = peer_queue_bytes_max);
  ~Peers();

  // What was heard of others is kept in this file over a restart. Before links are opened; one that is damaged is said
  // to be, and written anew in time.
  void keep_heard_in(std::filesystem::path file);
  Result<std::uint16_t, net::NetError> listen(const net::Endpoint& at);
  // What a metered way spends is counted in a file of this folder; without one it is not kept.
  void connect(const PeerAddress& to, const std::filesystem::path& meters = {});
  // Once: the datagram bearers of the settings. set_members: who is on them; again when grants change.
  Result<void, std::string> open_bearers(BearersSetup setup);
  void set_members(const std::vector<model::KeyId>& members);
  void stop();  // says goodbye

  void durable();
  void accepted(sync::Ticket ticket);
  void refused(sync::Ticket ticket);
  void rejected(sync::Ticket ticket, const std::string& why);
  void last_value(const model::Observation& observation);
  // Begins to compare with the linked node of this name or key id (its first digits are enough), or with all when
  // empty; on_compared tells what came of each. Whom it asked.
  std::vector<std::pair<model::KeyId, std::string>> compare(const std::string& peer);
  void offer_snapshot(sync::PeerId peer, std::shared_ptr<const Bytes> bytes);

  std::vector<api::PeerInfo> status();
  std::vector<api::BearerInfo> bearers();
  std::vector<std::string> problems() const;  // in words
  // What other nodes say they hold and do not send: the name of the node, and of each the largest claim.
  struct Doubt {
    std::string who;
    sync::DoubtfulClaim claim;
    std::size_t more = 0;  // streams of which the same is said
    Milliseconds stands{0};
  };
  std::vector<Doubt> doubtful() const;
  // Authors of whom more came as urgent than may pass as urgent.
  std::vector<std::pair<model::KeyId, std::uint64_t>> flooding() const { return floods_.flooding(now().steady); }
  bool has_configured() const { return !dialers_.empty() || bearers_; }
  std::shared_ptr<const api::HeldTable> held(const model::VersionVector& streams) const;
  // Where a thing has been, by the node that heard it.
  std::vector<std::pair<model::KeyId, std::vector<sync::Fix>>> track(const model::EntityId& subject) const {
    return core_.tracks().of(subject);
  }
  std::uint64_t refused_total() const { return core_.refused_total(); }
  std::uint16_t port() const { return listener_ ? listener_->port() : std::uint16_t{0}; }

 private:
  struct Link {
    std::shared_ptr<net::Connection> connection;  // of an accepted one
    std::size_t dialer = SIZE_MAX;                // else of this dialer
    net::Connection* out = nullptr;
    model::KeyId node{};                               // once its greeting is over
    std::shared_ptr<net::EventLoop::Timer> rest = {};  // while it is not read
  };
  struct Dialer {
    std::unique_ptr<net::LastingConnection> link;
    sync::PeerId peer = 0;
    sync::PeerId last_peer = 0;  // the same, also after its end
    std::string name;            // of the node last met there
    model::KeyId node;
    std::uint32_t refusals = 0;  // in a row
    UtcTime last_heard{};
    std::string bearer;
    std::shared_ptr<Meter> meter;  // one for all ways of one name
  };
  void measure(api::LinkInfo& link, sync::PeerId peer, SteadyTime now);
  void keep_heard();
  void spend(std::size_t dialer, std::size_t bytes);
  void renew_budgets();
  void settle();  // carries out what the core wants and arms its next deadline
  void open(sync::PeerId peer, Link link);
  void lose(sync::PeerId peer, const std::string& why);
  void cut(sync::PeerId peer, const std::string& why);
  void came(const sync::PeerUp& up);
  void went(const sync::PeerDown& down);
  bool is_news(std::string_view address, std::string_view what);
  void rest(sync::PeerId peer, Milliseconds span);
  bool is_trouble(std::string_view address) const;
  void note_misdeed(const sync::Refused& refused);
  void add_misdeeds(std::vector<std::string>& problems) const;
  net::ConnectionLimits link_limits() const;
  void carry_out(sync::Output output);
  Now now() const { return clock_.now(); }

  net::EventLoop& loop_;
  const Clock& clock_;
  Handlers handlers_;
  std::size_t queue_bytes_max_;
  model::KeyId node_;
  sync::Core core_;
  std::unique_ptr<Bearers> bearers_;
  std::map<sync::PeerId, Link> links_;
  std::vector<Dialer> dialers_;
  LostPeers lost_;
  struct Twin {
    std::string name, address;
    SteadyTime met{};
  };
  std::optional<Twin> own_twin_, other_twin_;  // the last met
  struct Misdeeds {
    std::uint64_t count = 0;
    std::string last;  // what it was
    SteadyTime at{};
  };
  std::map<sync::PeerId, std::string> up_;    // who it is, for people
  std::map<std::string, Misdeeds> misdeeds_;  // by node, or by machine where nobody said which node it is
  std::map<std::string, SteadyTime> said_;
  std::map<std::string, SteadyTime> troubles_;  // by machine: when something of it was refused last
  std::unique_ptr<net::Listener> listener_;
  std::shared_ptr<net::EventLoop::Timer> timer_, budget_timer_;
  std::filesystem::path heard_file_;  // empty: not kept
  Bytes heard_kept_;                  // as it was written last
  std::shared_ptr<net::EventLoop::Timer> heard_timer_;
  std::unique_ptr<LoopThread> saving_;
  LevelEstimate level_;
  LinkUse link_use_, bearer_use_;
  FloodWatch floods_;
  bool settling_ = false;
  bool stopping_ = false;
};

}  // namespace airbridge::app
