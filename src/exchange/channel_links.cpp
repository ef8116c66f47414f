#include "exchange/channel_links.hpp"

#include <algorithm>

namespace airbridge::exchange {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

constexpr double slow_bps = 100'000;
constexpr std::size_t value_heads = 6;  // type and counts of the message, its length in the frame
constexpr Milliseconds occupancy_every{1'000};

sync::Digest plain(const bearer::Digest8& digest) {
  sync::Digest out;
  std::ranges::copy(digest.value, out.begin());
  return out;
}

}  // namespace

sync::LinkProfile link_profile(const bearer::Profile& profile, std::uint32_t number) {
  sync::LinkProfile link;
  link.is_message = true;
  link.is_one_way = profile.one_way;
  link.bearer = profile.name;
  link.heartbeat = profile.interval;
  link.private_parts = profile.encrypt;
  link.channel = profile.broadcast || profile.one_way ? number : 0;
  link.value_bytes_max =
      profile.mtu - bearer::frame_overhead - bearer::long_bytes - bearer::data_head_bytes - value_heads;
  const bool slow = profile.rate_bps != 0 && profile.rate_bps < slow_bps;
  link.is_narrow = slow;
  // What is under way on a slow channel is minutes old before anybody can have answered.
  link.window_bytes = slow ? 64 * 1024 : 1024 * 1024;
  link.frame_bytes = slow ? 4 * 1024 : 16 * 1024;
  link.urgent_patience = Milliseconds(3'000) + profile.delay * 3 + (slow ? Milliseconds(27'000) : Milliseconds(0));
  link.patience = link.urgent_patience * 3;
  // The channel delivers or goes down; this is for what the other side could not take.
  link.resend_after = slow ? Milliseconds(15 * 60'000) : Milliseconds(60'000);
  return link;
}

ChannelLinks::ChannelLinks(sync::Core& core, sync::LinkProfile base, std::uint32_t number, bearer::Setup setup,
                           const bearer::Squeezer& squeezer, Rng rng, Handlers handlers, Now now)
    : core_(core),
      base_(link_profile(setup.profile, number)),
      handlers_(std::move(handlers)),
      channel_(std::move(setup), *this, squeezer, rng, now) {
  base_.address = std::move(base.address);
  if (!base.bearer.empty()) base_.bearer = std::move(base.bearer);
  base_.cost = base.cost;
  base_.repeats = base.repeats;
}

void ChannelLinks::set_members(const std::vector<model::KeyId>& members, Now now) {
  channel_.set_members(members, now);
  if (const auto& own = channel_.profile(); own.one_way && own.duty_cycle > 0 && !members.empty()) {
    if (const auto all = peer_of(model::KeyId{})) {
      core_.set_listeners(*all, members);
    } else {
      auto link = base_;
      if (handlers_.budget_left) link.budget = handlers_.budget_left();
      const auto peer = core_.connect_for_all(std::move(link), members, now);
      peers_[model::KeyId{}] = peer;
      nodes_[peer] = model::KeyId{};
      if (own.rate_bps > 0) core_.set_occupancy(peer, occupancy_);
    }
  }
  settle(now);
}

void ChannelLinks::receive(ByteView frame, Now now) {
  channel_.receive(frame, now);
  settle(now);
}

void ChannelLinks::saved(Now now) {
  channel_.saved(now);
  settle(now);
}

void ChannelLinks::transmitted(Now now) {
  channel_.transmitted(now);
  settle(now);
}

void ChannelLinks::poll(Now now) {
  channel_.poll(now);
  settle(now);
}

bool ChannelLinks::heed(const sync::Output& output, Now now) {
  const auto of_peer = [&](sync::PeerId peer) { return nodes_.find(peer); };
  if (const auto* wanting = std::get_if<sync::Wanting>(&output)) {
    const auto found = of_peer(wanting->peer);
    if (found == nodes_.end()) return false;
    channel_.wake(found->second, wanting->urgent, now);
    settle(now);
    return true;
  }
  if (const auto* down = std::get_if<sync::PeerDown>(&output)) {
    // The core has given it up; the channel still hears it, and what it says next begins anew.
    const auto found = of_peer(down->peer);
    if (found == nodes_.end()) return false;
    peers_.erase(found->second);
    nodes_.erase(found);
  }
  return false;
}

void ChannelLinks::stop(const std::string& why, Now now) {
  const auto peers = std::exchange(peers_, {});
  nodes_.clear();
  for (const auto& [node, peer] : peers) core_.disconnect(peer, why, now);
}

std::optional<model::KeyId> ChannelLinks::node_of(sync::PeerId peer) const {
  const auto found = nodes_.find(peer);
  return found == nodes_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<sync::PeerId> ChannelLinks::peer_of(const model::KeyId& node) const {
  const auto found = peers_.find(node);
  return found == peers_.end() ? std::nullopt : std::optional(found->second);
}

bearer::Digest8 ChannelLinks::digest() { return {core_.digest()}; }

std::vector<bearer::Item> ChannelLinks::pull(const model::KeyId& node, std::size_t room_bytes, bearer::Wanted wanted,
                                             Now now) {
  std::vector<sync::Send> sends;
  if (wanted == bearer::Wanted::LastValues) {
    sends = core_.pull_last_values(base_.channel, room_bytes, now);
  } else if (const auto peer = peer_of(node)) {
    sends = core_.pull(*peer, room_bytes, wanted == bearer::Wanted::Urgent, now);
  }
  std::vector<bearer::Item> items;
  items.reserve(sends.size());
  for (auto& send : sends) items.push_back({std::move(send.bytes), send.urgent, send.reliable});
  return items;
}

void ChannelLinks::join(const model::KeyId& node, const sync::Digest& digest, Now now) {
  leave(node, "it began anew", now);
  auto link = base_;
  if (handlers_.budget_left) link.budget = handlers_.budget_left();
  link.only_hears = link.is_one_way;  // to it as to all goes what connect_for_all says
  const auto peer = core_.connect_known(std::move(link), node,
                                        handlers_.name_of ? handlers_.name_of(node) : std::string(), digest, now);
  peers_[node] = peer;
  nodes_[peer] = node;
  if (profile().rate_bps > 0) core_.set_occupancy(peer, occupancy_);
}

void ChannelLinks::leave(const model::KeyId& node, const std::string& why, Now now) {
  const auto found = peers_.find(node);
  if (found == peers_.end()) return;
  const auto peer = found->second;
  nodes_.erase(peer);
  peers_.erase(found);
  core_.disconnect(peer, why, now);
}

void ChannelLinks::carry_out(bearer::Output output, Now now) {
  std::visit(Overloaded{
                 [&](bearer::Transmit& transmit) { handlers_.transmit(std::move(transmit.frame), transmit.airtime); },
                 [&](bearer::Deliver& deliver) {
                   // The core gave the link up, and nothing said since then what its node holds.
                   if (!peers_.contains(deliver.node)) join(deliver.node, {}, now);
                   if (const auto peer = peer_of(deliver.node))
                     core_.receive_message(*peer, deliver.message, deliver.overheard, now);
                 },
                 [&](bearer::Up& up) { join(up.node, up.digest ? plain(*up.digest) : sync::Digest{}, now); },
                 [&](bearer::Down& down) { leave(down.node, down.why, now); },
                 [&](bearer::DigestHeard& heard) {
                   if (const auto peer = peer_of(heard.node)) {
                     core_.beacon(*peer, plain(heard.digest), now);
                   } else {
                     join(heard.node, plain(heard.digest), now);
                   }
                 },
                 [&](bearer::Save& save) { handlers_.save(std::move(save.state)); },
                 [&](bearer::StateWasOld& old) {
                   if (handlers_.state_was_old) handlers_.state_was_old(old.told_by);
                 },
             },
             output);
}

// Without a rate nobody knows how much of the channel is used.
void ChannelLinks::tell_occupancy(Now now) {
  if (profile().rate_bps == 0 || now.steady < occupancy_at_ + occupancy_every) return;
  occupancy_at_ = now.steady;
  occupancy_ = channel_.occupancy(now);
  for (const auto& [node, peer] : peers_) core_.set_occupancy(peer, occupancy_);
}

void ChannelLinks::settle(Now now) {
  if (settling_) return;
  settling_ = true;
  tell_occupancy(now);
  for (auto outputs = channel_.take_outputs(); !outputs.empty(); outputs = channel_.take_outputs()) {
    for (auto& output : outputs) carry_out(std::move(output), now);
  }
  settling_ = false;
}

}  // namespace airbridge::exchange
