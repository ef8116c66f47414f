#pragma once
// What the server knows of one connection. Inside gateway/tak only.
#include <map>

#include "gateway/tak/tak_server.hpp"

namespace airbridge::gateway::tak {

struct TakServer::Client {
  explicit Client(const AllowanceLimits& limits) : allowance(limits) {}
  std::shared_ptr<net::Connection> connection;
  codec::cot::Framer framer;
  std::string uid, callsign;  // empty until its first own position
  std::string type;           // of that position
  std::uint64_t faults = 0;
  SteadyTime last_event{};
  Allowance allowance;
  bool closed = false;

  // What it still has to be told: single objects, and everything behind a cursor through the state table.
  std::map<std::string, bool> missed;  // uid; true: it was deleted
  bool catching_up = true;
  std::string cursor;

  const std::string& name() const { return uid.empty() ? connection->peer() : uid; }
};

}  // namespace airbridge::gateway::tak
