#pragma once
// The datagram bearers of a node: for each one configured its links in the protocol core (exchange/channel_links.hpp),
// the port that carries its frames, its timer and its saved state. Loop thread only; must not outlive loop and core.
//
//   bearers.start()           opens the ports
//   bearers.set_members(keys) who holds the incident's key; again when grants change
//   bearers.heed(output)      each output of the core: true when it was for a bearer
//   on_change                 called from the loop when the core may want something: take its outputs
//
// A channel's state (its counters and replay windows, docs/protocol/bearer.md) is in one small file a bearer, written
// to a temporary name, synced and renamed by a thread of its own; the channel is told when it is on disk.
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/status.hpp"
#include "bearer/squeeze.hpp"
#include "bearer_port.hpp"
#include "bearer_spec.hpp"
#include "exchange/channel_links.hpp"
#include "loop_thread.hpp"
#include "meter.hpp"
#include "trust/private_part.hpp"

namespace airbridge::app {

inline constexpr std::size_t bearer_state_bytes_max = 1024 * 1024;
inline constexpr Milliseconds save_again{5'000};  // after the disk refused
inline constexpr Milliseconds bearer_budget_every{1'000};

struct BearersSetup {
  std::vector<BearerSpec> specs;
  std::filesystem::path folder;  // of the incident's bearers; made when it is not there
  model::KeyId node;
  bearer::GroupKey key;
  std::function<std::string(const model::KeyId&)> name_of = {};  // for people
};

// The key of the incident's channels: BLAKE2b-256("airbridge channel 1" | incident | the first of its data keys), which
// every node gets with its invitation. Nothing when the node holds none.
std::optional<bearer::GroupKey> channel_key(const model::IncidentId& incident, const std::vector<trust::DataKey>& keys);

class Bearers {
 public:
  Bearers(net::EventLoop& loop, const Clock& clock, sync::Core& core, BearersSetup setup,
          std::function<void()> on_change);
  ~Bearers();
  Bearers(const Bearers&) = delete;
  Bearers& operator=(const Bearers&) = delete;

  // Fails, with the bearer named, only for what cannot mend itself; then none is open.
  Result<void, std::string> start();
  void stop();  // at once; what was to be saved is on disk when it returns
  void set_members(const std::vector<model::KeyId>& members);
  bool heed(const sync::Output& output);

  std::size_t size() const { return bearers_.size(); }
  std::uint16_t port(std::size_t bearer) const;  // udp: where it listens
  std::optional<bearer::Stats> stats(std::size_t bearer) const;
  // Bytes left of the day's budget; none: not metered. The core is told too, and at 0 sends only what is urgent.
  std::optional<std::uint64_t> budget_left(std::size_t bearer);

  std::vector<api::BearerInfo> status();
  // Adds what a bearer measures to the link of this name and node.
  void complete(api::LinkInfo& link, const model::KeyId& node);
  std::vector<std::string> problems() const;  // in words: a state that cannot be saved, a budget that cannot be read

 private:
  struct Bearer {
    BearerSpec spec;
    std::optional<Meter> meter;
    std::unique_ptr<exchange::ChannelLinks> links;
    std::unique_ptr<BearerPort> port;
    std::shared_ptr<net::EventLoop::Timer> timer, save_timer;
    std::string save_problem;
    bool is_judging = false;  // whose a frame is; what the channel answers waits until the port knows
    std::vector<Bytes> answers;
  };
  Result<void, std::string> open(Bearer& bearer, std::uint32_t number);
  void after_call(Bearer& bearer);  // of its links
  void take_frame(Bearer& bearer, ByteView frame);
  void arm(Bearer& bearer);
  void save(Bearer& bearer, Bytes state);
  void renew_budgets();
  std::filesystem::path file(const Bearer& bearer, std::string_view ending) const;
  Now now() const { return clock_.now(); }

  net::EventLoop& loop_;
  const Clock& clock_;
  sync::Core& core_;
  BearersSetup setup_;
  std::function<void()> on_change_;
  bearer::DictionarySqueezer squeezer_;
  std::vector<model::KeyId> members_;
  std::vector<std::unique_ptr<Bearer>> bearers_;
  std::shared_ptr<net::EventLoop::Timer> budget_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what the saving thread posts back
  std::unique_ptr<LoopThread> saving_;
};

}  // namespace airbridge::app
