#pragma once
// The latest event by uid, for clients that join late or fell behind: positions and placed objects, until they are
// stale or deleted. TAK clients send an object once; who comes later sees only what the gateway kept. Loop thread only.
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include "codec/cot/types.hpp"
#include "net/connection.hpp"

namespace airbridge::gateway::tak {

struct StateLimits {
  std::size_t uids_max = 20'000;
  std::size_t bytes_max = 32U << 20;
  Milliseconds lifetime_max{7 * 24 * 3600 * 1000LL};  // whatever a sender asks for
  Milliseconds archive_lifetime{24 * 3600 * 1000};    // at least, of what a sender wants archived
};

enum class Retention { Position, Object };

struct StateEntry {
  net::SharedBytes xml;  // as it goes to clients
  std::string type;
  codec::cot::Category category = codec::cot::Category::Other;
  Retention retention = Retention::Object;
  SteadyTime expires{};
  std::uint64_t content = 0;  // of an object: hash of what it says, without its times
};

class StateTable {
 public:
  explicit StateTable(const StateLimits& limits) : limits_(limits) {}

  // Keeps the event; at a limit the longest untouched ones go first, of positions and objects whichever hold more.
  void put(std::string_view uid, StateEntry entry);
  bool erase(std::string_view uid);
  const StateEntry* find(std::string_view uid) const;
  // The first entry behind `uid` in the order of uids; nothing at the end. A cursor that survives changes.
  struct Named {
    const std::string* uid;
    const StateEntry* entry;
  };
  std::optional<Named> after(std::string_view uid) const;
  void expire(SteadyTime now);

  std::size_t size() const { return entries_.size(); }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t evicted() const { return evicted_; }

 private:
  struct Kept;
  using Entries = std::map<std::string, Kept, std::less<>>;
  using Order = std::list<Entries::iterator>;  // oldest update first
  struct Kept {
    StateEntry entry;
    Order::iterator place;
  };
  static std::size_t cost(const Entries::value_type& kept);
  void remove(Entries::iterator at);
  Order& order(Retention retention) { return retention == Retention::Position ? positions_ : objects_; }

  StateLimits limits_;
  Entries entries_;
  Order positions_, objects_;
  std::size_t bytes_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace airbridge::gateway::tak
