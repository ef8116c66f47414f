#pragma once
// Joins one datagram channel (bearer::Channel) with the protocol core: neighbours of the channel are message links of
// the core, what the core has to say is pulled when the channel may transmit. The same class serves the node, the
// simulation and the benchmark; frames, durability and time are the caller's.
//
//   links.receive(frame), saved(), transmitted(), poll()   what the device and the clock do
//   links.heed(output)                                     each output of the core: true when it was for this channel
//   Handlers                                               called from within these
//
// On a one-way channel all that is said is for whoever listens (Core::connect_for_all), and of who is heard only is
// taken.
//
// A call may leave new outputs in the core: take them after every call, and heed() what they say. One thread.
#include <functional>
#include <map>
#include <optional>

#include "bearer/channel.hpp"
#include "sync/core.hpp"

namespace airbridge::exchange {

struct Handlers {
  std::function<void(Bytes frame, Milliseconds airtime)> transmit;
  std::function<void(Bytes state)> save;  // durably; then saved()
  // The state that was saved is older than what this node had used: a backup was restored. Worth telling a person.
  std::function<void(const model::KeyId& told_by)> state_was_old = {};
  std::function<std::string(const model::KeyId&)> name_of = {};  // for people
  // What is left of the budget at the moment a neighbour joins; without it the links keep to no budget until told.
  std::function<std::optional<std::uint64_t>()> budget_left = {};
};

class ChannelLinks final : private bearer::Source {
 public:
  // `number` tells this channel from the others of the node (not 0); `base` says address, bearer name, cost.
  // Core and squeezer must outlive it.
  ChannelLinks(sync::Core& core, sync::LinkProfile base, std::uint32_t number, bearer::Setup setup,
               const bearer::Squeezer& squeezer, Rng rng, Handlers handlers, Now now);
  ChannelLinks(const ChannelLinks&) = delete;
  ChannelLinks& operator=(const ChannelLinks&) = delete;

  void set_members(const std::vector<model::KeyId>& members, Now now);
  void receive(ByteView frame, Now now);
  void saved(Now now);
  void transmitted(Now now);
  void poll(Now now);
  std::optional<SteadyTime> next_deadline() const { return channel_.next_deadline(); }
  bool heed(const sync::Output& output, Now now);
  void stop(const std::string& why, Now now);  // the channel is no more: its links end

  const bearer::Profile& profile() const { return channel_.profile(); }
  bearer::Stats stats(Now now) const { return channel_.stats(now); }
  std::optional<model::KeyId> node_of(sync::PeerId peer) const;
  std::optional<sync::PeerId> peer_of(const model::KeyId& node) const;  // all zero: whoever listens, one way

 private:
  bearer::Digest8 digest() override;
  std::vector<bearer::Item> pull(const model::KeyId& node, std::size_t room_bytes, bearer::Wanted wanted,
                                 Now now) override;
  void settle(Now now);
  void tell_occupancy(Now now);
  void carry_out(bearer::Output output, Now now);
  void join(const model::KeyId& node, const sync::Digest& digest, Now now);
  void leave(const model::KeyId& node, const std::string& why, Now now);

  sync::Core& core_;
  sync::LinkProfile base_;
  Handlers handlers_;
  std::map<model::KeyId, sync::PeerId> peers_;  // all zero: whoever listens
  std::map<sync::PeerId, model::KeyId> nodes_;
  bool settling_ = false;
  double occupancy_ = 0;  // as the core was told
  SteadyTime occupancy_at_{};
  bearer::Channel channel_;
};

// The profile of the core's links over a channel of this kind.
sync::LinkProfile link_profile(const bearer::Profile& profile, std::uint32_t number);

}  // namespace airbridge::exchange
