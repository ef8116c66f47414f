#pragma once
// TAK clients over plain TCP, CoT XML ("protocol version 0"): ATAK, iTAK, WinTAK, CloudTAK and the like. It routes
// between them by itself, at once, and tells the node what it heard; what the node tells it goes out to them.
//
// - An event goes to all others without <marti> and military medevac fields; every other byte stays as it came.
// - An addressed event (marti) goes only to the clients of that call sign or uid. "All Streaming" means all; groups and
//   missions reach nobody.
// - A ping is answered with a pong, to the asker only.
// - A joiner gets the latest of everything kept (state_table.hpp), at the pace it reads.
// - A leaver is announced by a t-x-d-d. Its last position stays for later joiners until it is stale.
// - A uid twice: the new session replaces the old.
// - Hostile and unknown affiliations, fires and designation are refused, counted by reason and never relayed. So are
//   types outside the grammar, in which these might hide.
// - A malformed event is logged with peer and place, counted and skipped. Too many end the connection.
// - A client that says too much (allowance.hpp) is not listened to beyond that; what is beyond is counted and logged.
// - The queue of a slow reader is bounded. What does not fit is noted by uid, and the latest of it sent when there is
//   room again. Alerts, casualties and chat go before all else. Without progress the client is closed.
//
// Everything on the loop's thread; broadcast() and remove() from any thread.
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "codec/cot/event.hpp"
#include "codec/cot/framer.hpp"
#include "gateway/tak/allowance.hpp"
#include "gateway/tak/cot_to_model.hpp"
#include "gateway/tak/state_table.hpp"
#include "net/connection.hpp"
#include "net/fanout.hpp"

namespace airbridge::gateway::tak {

struct TakLimits {
  std::size_t clients_max = 250;
  // ATAK in dynamic mode reports every 180 s when still, and pings only when it hears nothing: shorter would cut it
  // off.
  Milliseconds idle_max{300'000};        // without a byte
  Milliseconds silent_max{600'000};      // with bytes, but without one good event
  Milliseconds write_stall_max{30'000};  // with bytes queued and none taken
  // Events that follow each other at less than twice this on average leave in one write (net/fanout.hpp). Measured: at
  // 50 events a second waiting saves less than its wake-up costs, and all would be late; from 200 on it saves a part.
  Milliseconds coalesce{4};
  std::size_t queue_bytes_max = 256 * 1024;
  std::size_t missed_max = 1'000;           // uids noted for a slow reader; above it gets the whole state anew
  std::uint64_t faults_max = 100;           // of one connection, then it is closed
  std::size_t batch_max = 256;              // observations handed over at once
  Milliseconds batch_span{50};              // how long observations gather
  std::size_t reports_waiting_max = 1'000;  // not yet taken by the node; above it clients are not read
  std::size_t told_waiting_max = 4'000;     // broadcast() and remove() that the loop has not run yet
  std::size_t told_bytes_max = 16U << 20;   // of these
  StateLimits state;
  AllowanceLimits allowance;  // of one client; what is beyond is not taken, counted and logged
};

struct TakOptions {
  net::Endpoint at{"127.0.0.1", 8087};
  TakLimits limits;
};

// Something that becomes events of the node. One CoT event may be several drafts: a casualty and its request.
struct TakReport {
  std::string uid, callsign;  // of the object and of the sender
  codec::cot::Category category = codec::cot::Category::Other;
  std::vector<model::Draft> drafts;
};

struct TakOutput {
  // At most batch_max, in order of arrival; the node may drop old ones.
  std::function<void(std::vector<model::Observation>&&)> on_observations;
  // Takes all or nothing; false: they are kept and offered again shortly.
  std::function<bool(const std::vector<TakReport>&)> on_reports;
  std::function<void()> on_activity = {};  // a client came, said something or left: status() may differ
};

struct TakCounters {
  std::uint64_t received = 0;   // good events, pings included
  std::uint64_t delivered = 0;  // events queued to clients
  std::uint64_t pings = 0;
  std::uint64_t malformed = 0;
  std::uint64_t bad_type = 0;       // of these, for a type that is none
  std::uint64_t undeliverable = 0;  // addressed to nobody who is here
  std::uint64_t dropped = 0;        // did not fit a slow reader's queue; sent later if still current
  std::uint64_t lost = 0;           // did not fit and is not kept: chat, receipts
  std::uint64_t repeated = 0;       // objects heard again unchanged: routed, not reported
  std::uint64_t too_fast = 0;       // beyond a client's events a second
  std::uint64_t too_many_uids = 0;  // beyond the objects a client may speak of
  std::uint64_t replaced_sessions = 0;
  std::array<std::uint64_t, codec::cot::not_carried_count> not_carried{};
  std::uint64_t not_carried_total() const;
};

struct TakStatus {
  bool listening = false;
  std::string address;
  std::size_t clients = 0;
  std::uint64_t refused_connections = 0;
  std::size_t kept = 0;
  std::size_t kept_bytes = 0;
  UtcTime last_received{};  // 0 when none came
  TakCounters counters;
};

// Destroy it on the loop's thread, or when the loop has ended.
class TakServer {
 public:
  TakServer(net::EventLoop& loop, const Clock& clock, const TakOptions& options, TakOutput output);
  ~TakServer();
  TakServer(const TakServer&) = delete;
  TakServer& operator=(const TakServer&) = delete;

  Result<std::monostate, net::NetError> start();
  std::uint16_t port() const;
  void stop();  // closes everything; also done by the destructor
  TakStatus status() const;

  // To all clients (or those its <marti> names), and kept for joiners. An event of the node's own making or of another
  // node, never one this server reported: that would come back to its sender. The position of a client that is
  // connected here is not overruled. Not valid CoT, or not carried: ignored with a log line. False: not taken, for too
  // much waits; to be said again later. Any thread.
  bool broadcast(net::SharedBytes xml);
  // The entity is gone: tells the clients, by the uid they know it under, else by `uid`. False: as above. Any thread.
  bool remove(const model::EntityId& id, std::string uid);

 private:
  struct Client;
  using ClientPtr = std::shared_ptr<Client>;
  enum class Urgency { Ordinary, Urgent };
  struct Message {
    std::string_view uid;  // of the object it is about
    net::SharedBytes xml;
    Urgency urgency = Urgency::Ordinary;
    bool recoverable = false;  // the state table can say it again later
    bool deletion = false;
  };

  void stirred() const;
  void welcome(std::shared_ptr<net::Connection> connection);
  void receive(const ClientPtr& client, ByteView bytes);
  void receive_frame(const ClientPtr& client, const codec::cot::Frame& frame, Now now);
  void count_fault(const ClientPtr& client, const codec::cot::Fault& fault, std::uint64_t offset);
  bool is_allowed(Client& client, std::string_view uid, codec::cot::Category category, SteadyTime now);
  void count_not_carried(const Client& client, const codec::cot::Envelope& envelope);
  void identify(const ClientPtr& client, const codec::cot::Envelope& envelope);
  void accept_position(const ClientPtr& client, ByteView raw, const codec::cot::Envelope& envelope, Now now);
  void accept(const ClientPtr& client, const codec::cot::Event& event, ByteView raw,
              const codec::cot::Envelope& envelope, Now now);
  void accept_delete(const ClientPtr& client, const codec::cot::Event& event, const net::SharedBytes& xml,
                     const Origin& origin);
  void report(const codec::cot::Event& event, const Origin& origin, bool changed);
  void route(const Client* sender, const codec::cot::Event& event, const Message& message);
  void deliver_to_others(const Client* sender, const Message& message);
  void deliver(Client& client, const Message& message);
  void not_delivered(Client& client, const Message& message);
  void catch_up(Client& client);
  bool keep(const codec::cot::Event& event, const net::SharedBytes& xml, SteadyTime now);
  void keep_position(std::string_view uid, const codec::cot::Envelope& envelope, const net::SharedBytes& xml,
                     SteadyTime now);
  void part(const ClientPtr& client, const std::string& why);
  void close(const ClientPtr& client, const std::string& why);
  void observe(const Client& client, std::string_view uid, net::SharedBytes xml, Now now);
  void hand_over_observations();
  void hand_over_reports();
  void pause_all(bool pause);
  void sweep();
  bool post(std::size_t bytes, std::function<void()> work);
  void broadcast_now(const net::SharedBytes& xml);
  void remove_now(const model::EntityId& id, std::string uid);

  net::EventLoop& loop_;
  const Clock& clock_;
  TakOptions options_;
  TakOutput output_;
  StateTable state_;
  std::vector<ClientPtr> clients_;
  std::vector<net::Connection*> connections_;  // of clients_, in their order
  std::shared_ptr<net::Fanout> fanout_;        // to all of them
  std::unordered_map<std::string, Client*> by_uid_;
  // Positions go out to clients at once; for the node they are read later, many at a time.
  struct Heard {
    net::SharedBytes xml;
    std::string source;
    UtcTime received{};
  };
  std::vector<Heard> heard_;
  SteadyTime heard_since_{};
  std::vector<TakReport> reports_;
  bool paused_ = false;
  TakCounters counters_;
  UtcTime last_received_{};
  std::shared_ptr<net::EventLoop::Timer> sweep_timer_, batch_timer_, report_timer_;
  std::unique_ptr<net::Listener> listener_;
  std::atomic<std::size_t> told_waiting_{0}, told_bytes_{0};
  std::shared_ptr<bool> alive_;  // false once destroyed: for work posted from other threads
};

}  // namespace airbridge::gateway::tak
