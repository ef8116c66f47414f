#pragma once
// One HTTP connection; inside net/ only.
#include <memory>

#include "net/http_server.hpp"

namespace airbridge::net {

// What the sessions of a server share with it.
struct HttpServer::Core : std::enable_shared_from_this<HttpServer::Core> {
  EventLoop* loop = nullptr;
  HttpServerOptions options;
  Handler handler;
  HttpCounters counters;
  std::vector<std::shared_ptr<HttpSession>> sessions;
  std::unique_ptr<Listener> listener;
  std::shared_ptr<EventLoop::Timer> tick;

  void forget(const HttpSession* session);
  void check_deadlines();
  void watch_deadlines();
};

struct Responder::Promise {
  std::weak_ptr<HttpSession> session;
  bool head_only = false;
  bool kept = false;

  ~Promise();
};

class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(std::shared_ptr<Connection> connection, std::weak_ptr<HttpServer::Core> core,
              const HttpServerOptions& options);
  void start();
  void close();  // at once, silently
  void check_deadline(SteadyTime now);

  void answer(HttpResponse response, bool head_only);
  Responder::Taken take(const HttpResponse& response);

  std::size_t list_index = 0;  // in Core::sessions

 private:
  enum class Phase { Idle, Head, Body, Answering, Over };

  void receive(ByteView bytes);
  void proceed();
  void dispatch(HttpRequest request);
  void give_up(int status, std::string_view code, std::string_view message);
  void send(const HttpResponse& response, bool keep_alive, bool head_only);
  void enter(Phase phase);
  void end();

  std::shared_ptr<Connection> connection_;
  std::weak_ptr<HttpServer::Core> core_;
  const HttpServerOptions options_;
  HttpParser parser_;
  Phase phase_ = Phase::Idle;
  SteadyTime phase_since_{};
  std::size_t requests_ = 0;
  bool keep_alive_ = true;
};

}  // namespace airbridge::net
