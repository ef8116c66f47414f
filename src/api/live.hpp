#pragma once
// The live side of the API: one state of the page's world, numbered, and its differences (docs/protocol/api.md,
// "Live").
//
// While there are clients the hub looks at the node ten times a second. What changed becomes one numbered step in a
// bounded ring; a client that is at step N gets everything after N in one batch (live_batch.hpp), made once for all
// clients that stand at the same N. A batch goes out in parts, the next one when the client has read: its next batch
// then spans more steps, so nobody's backlog grows. A client whose number the ring does not reach back to is given the
// whole picture. Loop thread only.
#include <deque>
#include <list>
#include <map>
#include <memory>

#include "api/backend.hpp"
#include "api/live_batch.hpp"
#include "net/event_loop.hpp"
#include "net/http_server.hpp"
#include "net/websocket_session.hpp"

namespace airbridge::api {

inline constexpr Milliseconds live_tick{100};
inline constexpr Milliseconds live_beat{500};

struct LiveLimits {
  std::size_t clients_max = 200;                       // one more is refused with 503
  std::size_t steps_max = 1000;                        // kept for clients that come back
  std::size_t steps_shared_max = 50;                   // a whole picture is given to new clients while so young
  std::size_t unread_bytes_max = 64 * 1024;            // unsent bytes above which a client is left alone
  std::size_t part_bytes = 128 * 1024;                 // of one message; a single larger record still goes
  std::size_t queue_bytes_max = std::size_t{8} << 20;  // a message beyond: the client is closed with 1013
};

class LiveHub {
 public:
  LiveHub(net::EventLoop& loop, const Clock& clock, Backend& backend, const LiveLimits& limits = {});
  ~LiveHub();

  void accept(const net::HttpRequest& request, const net::Responder& responder);
  std::string snapshot();  // GET /api/v1/state
  std::size_t clients() const { return clients_.size(); }
  const std::string& epoch() const { return epoch_; }
  std::uint64_t seq() const { return seq_; }

 private:
  struct Client {
    std::shared_ptr<net::WebSocketSession> session;
    std::uint64_t seq = 0;             // 0: has no picture yet
    std::shared_ptr<LiveBatch> batch;  // on its way to the client
    std::size_t part = 0;              // of it, the next to be sent
    SteadyTime last_sent{};
    bool gone = false;
  };
  struct Step {
    std::uint64_t seq = 0;
    std::vector<model::EntityId> entities, tracks;  // changed or removed: which is asked of the picture when sent
    bool status = false;
  };

  void tick();
  void look();  // takes in what the node published
  void add_saved_elsewhere(const Status& before, std::vector<model::EntityId>& changed) const;
  void serve(Client& client, SteadyTime now);
  void push(Client& client, SteadyTime now);
  LiveState state() const { return {seq_, picture_, status_}; }
  std::shared_ptr<LiveBatch> whole();
  std::shared_ptr<LiveBatch> delta_since(std::uint64_t from);
  NameOf names() const;

  net::EventLoop& loop_;
  const Clock& clock_;
  Backend& backend_;
  const LiveLimits limits_;
  std::string epoch_;
  std::uint64_t seq_ = 1;
  std::uint64_t resumable_from_ = 1;  // the lowest number after which every step is in steps_
  std::shared_ptr<const picture::Picture> picture_;
  std::shared_ptr<const Status> status_;
  std::string status_text_;
  std::deque<Step> steps_;
  std::map<std::uint64_t, std::shared_ptr<LiveBatch>> deltas_;  // by `from`, all to seq_
  std::shared_ptr<LiveBatch> whole_;                            // while somebody is being sent it
  std::list<std::unique_ptr<Client>> clients_;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

}  // namespace airbridge::api
