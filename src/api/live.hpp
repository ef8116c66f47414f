#pragma once
// The live side of the API: one state of the page's world, numbered, and its differences (docs/protocol/api.md,
// "Live").
//
// The hub looks at the node ten times a second. What changed becomes one numbered step in a bounded ring; a client that
// is at step N gets everything after N in one message, made once for all clients that stand at the same N. A client
// that reads slowly is left alone until it has read: its next message then spans more steps, so nobody's backlog grows.
// Loop thread only.
#include <deque>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>

#include "api/backend.hpp"
#include "api/picture_json.hpp"
#include "net/event_loop.hpp"
#include "net/http_server.hpp"
#include "net/websocket_session.hpp"

namespace airbridge::api {

inline constexpr Milliseconds live_tick{100};
inline constexpr Milliseconds live_beat{500};
inline constexpr std::size_t live_steps_max = 1000;  // kept for clients that come back
inline constexpr std::size_t live_clients_max = 200;
inline constexpr std::size_t live_unread_max = 64 * 1024;  // unsent bytes above which a client is left alone

class LiveHub {
 public:
  LiveHub(net::EventLoop& loop, const Clock& clock, Backend& backend);
  ~LiveHub();

  void accept(const net::HttpRequest& request, const net::Responder& responder);
  std::string snapshot();  // GET /api/v1/state
  std::size_t clients() const { return clients_.size(); }
  const std::string& epoch() const { return epoch_; }
  std::uint64_t seq() const { return seq_; }

 private:
  struct Client {
    std::shared_ptr<net::WebSocketSession> session;
    std::uint64_t seq = 0;
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
  void serve(Client& client, SteadyTime now);
  net::SharedBytes delta_since(std::uint64_t from);
  std::string snapshot_text(std::string_view type);
  NameOf names() const;
  void put_entity(std::string& out, const picture::EntityView& entity);

  net::EventLoop& loop_;
  const Clock& clock_;
  Backend& backend_;
  std::string epoch_;
  std::uint64_t seq_ = 1;
  std::shared_ptr<const picture::Picture> picture_;
  std::shared_ptr<const Status> status_;
  std::string status_text_;
  std::unordered_map<model::EntityId, Saved> saved_;  // as last told
  std::deque<Step> steps_;
  std::map<std::uint64_t, net::SharedBytes> deltas_;  // by `from`, all to seq_
  net::SharedBytes snapshot_frame_;                   // of seq_
  std::list<std::unique_ptr<Client>> clients_;
  std::shared_ptr<net::EventLoop::Timer> timer_;
};

}  // namespace airbridge::api
