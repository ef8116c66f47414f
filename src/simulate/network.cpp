#include "simulate/network.hpp"

#include "simulate/describe.hpp"

#include "sync/frame.hpp"
#include "sync/vector.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::int64_t reconnect_ms = 5'000;
constexpr double chunk_s = 0.5;  // a slow link is seen to move at least twice a second
constexpr std::size_t chunk_bytes_min = 128;
constexpr std::uint32_t metered_cost = 3;
}  // namespace

std::size_t Network::add_link(std::size_t a, std::size_t b, const LinkNature& nature) {
  Link link{};
  link.node[0] = a;
  link.node[1] = b;
  link.nature = nature;
  links_.push_back(std::move(link));
  return links_.size() - 1;
}

std::string Network::name_of(std::size_t link) const {
  return nodes_[links_[link].node[0]]->name() + "-" + nodes_[links_[link].node[1]]->name();
}

void Network::keep_connected() {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    auto& link = links_[i];
    if (is_up(i) && link.connection == 0 && nodes_[link.node[0]]->running() && nodes_[link.node[1]]->running())
      connect(i);
  }
  fleet_.timeline.in(reconnect_ms, [this] { keep_connected(); });
}

void Network::connect(std::size_t index) {
  auto& link = links_[index];
  link.connection = ++connections_;
  for (int end = 0; end < 2; ++end) {
    const auto rate = link.nature.bytes_per_s[end];
    sync::LinkProfile profile;
    profile.address = name_of(index);
    profile.dialed = end == 0;
    profile.heartbeat = Milliseconds(link.nature.heartbeat_ms);
    profile.burst_bytes = static_cast<std::size_t>(std::min(64e3, std::max(1e3, rate * 2)));
    profile.frame_bytes = std::min<std::size_t>(profile.burst_bytes, 32 * 1024);
    if (end == 0 && link.nature.budget) {
      profile.cost = metered_cost;
      profile.budget = *link.nature.budget - std::min(*link.nature.budget, link.paid);
    }
    link.direction[end] = {};
    link.peer[end] = nodes_[link.node[end]]->connect(profile);
  }
  // Outputs are taken when both ends know each other.
  for (int end = 0; end < 2; ++end) nodes_[link.node[end]]->drained(link.peer[end]);
}

std::optional<std::pair<std::size_t, int>> Network::find(std::size_t node, sync::PeerId peer) const {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    for (int end = 0; end < 2; ++end) {
      if (links_[i].connection != 0 && links_[i].node[end] == node && links_[i].peer[end] == peer)
        return std::pair{i, end};
    }
  }
  return std::nullopt;
}

void Network::send(std::size_t node, const sync::Send& send) {
  const auto found = find(node, send.peer);
  if (!found) return;  // into a connection that is no more
  auto& direction = links_[found->first].direction[found->second];
  if (found->second == 0 && links_[found->first].nature.budget) pay(links_[found->first], send, node);
  (send.urgent ? direction.urgent : direction.normal).push_back(send.bytes);
  fleet_.report.bytes += send.bytes.size();
  if (fleet_.report.bytes > fleet_.options.bytes_max) {
    throw Failure{fmt::format("more than {} bytes were sent: somebody repeats himself", fleet_.options.bytes_max)};
  }
  if (fleet_.options.tell_frames) {
    fleet_.say("    {} on {}: {}", nodes_[node]->name(), name_of(found->first), describe_frame(send.bytes));
  }
  if (!direction.busy) transmit(found->first, found->second);
}

// Beyond the budget only what is urgent goes, and answers.
void Network::pay(Link& link, const sync::Send& send, std::size_t node) {
  const bool spent = link.paid >= *link.nature.budget;
  link.paid += send.bytes.size();
  if (!spent) return;
  if (send.cls == model::Class::Urgent) ++fleet_.report.past_budget;
  const bool is_value = static_cast<sync::MessageType>(send.bytes[4]) == sync::MessageType::LastValues;
  if ((send.cls && send.cls != model::Class::Urgent) || is_value)
    throw Failure{fmt::format("{} sent what is not urgent on a link whose budget is spent", nodes_[node]->name())};
}

void Network::note_metered() {
  for (auto& link : links_) {
    if (!link.nature.budget || link.connection == 0) continue;
    link.noted_connection = link.connection;
    link.noted_paid = link.paid;
    for (int end = 0; end < 2; ++end) link.noted[end] = nodes_[link.node[end]]->counted();
  }
}

void Network::check_metered() const {
  for (const auto& link : links_) {
    if (!link.nature.budget) continue;
    ++fleet_.report.metered;
    if (link.connection == 0 || link.connection != link.noted_connection || link.noted_paid < *link.nature.budget)
      continue;
    for (int end = 0; end < 2; ++end) {
      auto& from = *nodes_[link.node[end]];
      auto& to = *nodes_[link.node[1 - end]];
      if (!from.is_quiet() || !to.is_quiet()) continue;
      const auto there = to.counted();
      const auto forks = from.forks(), forks_there = to.forks();
      for (const auto& [stream, seq] : link.noted[end]) {
        if (stream.cls != model::Class::Urgent || stream.is_branch()) continue;
        if (forks.contains(stream) || forks_there.contains(stream)) continue;
        if (sync::held_of(there, stream) >= seq) continue;
        throw Failure{fmt::format("{} has {} of {}, {} after a long time on a link whose budget is spent only {}",
                                  from.name(), seq, model::to_text(stream), to.name(), sync::held_of(there, stream))};
      }
      ++fleet_.report.metered_level;
    }
  }
}

void Network::lift_budgets() {
  for (auto& link : links_) {
    if (!std::exchange(link.nature.budget, std::nullopt) || link.connection == 0) continue;
    nodes_[link.node[0]]->set_budget(link.peer[0], std::nullopt);
  }
}

void Network::transmit(std::size_t index, int from) {
  auto& link = links_[index];
  auto& direction = link.direction[from];
  if (direction.sent >= direction.current.size()) {
    auto& queue = direction.urgent.empty() ? direction.normal : direction.urgent;
    direction.sent = 0;
    direction.current.clear();
    if (queue.empty()) {
      direction.busy = false;
      const auto connection = link.connection;
      fleet_.timeline.in(0, [this, index, from, connection] {
        auto& now = links_[index];
        if (now.connection == connection && !now.direction[from].busy) nodes_[now.node[from]]->drained(now.peer[from]);
      });
      return;
    }
    direction.current = std::move(queue.front());
    queue.pop_front();
  }
  direction.busy = true;
  const auto rate = link.nature.bytes_per_s[from];
  const auto chunk = std::max(chunk_bytes_min, static_cast<std::size_t>(rate * chunk_s));
  const auto size = std::min(chunk, direction.current.size() - direction.sent);
  const auto took = static_cast<std::int64_t>(static_cast<double>(size) / rate * 1000) + 1;
  Bytes piece(direction.current.begin() + static_cast<std::ptrdiff_t>(direction.sent),
              direction.current.begin() + static_cast<std::ptrdiff_t>(direction.sent + size));
  direction.sent += size;
  const auto arrival = std::max(direction.last_arrival_ms, fleet_.timeline.now() + took + link.nature.delay_ms);
  direction.last_arrival_ms = arrival;
  const auto connection = link.connection;
  fleet_.timeline.at(arrival, [this, index, from, connection, piece = std::move(piece)] {
    auto& now = links_[index];
    if (now.connection == connection) nodes_[now.node[1 - from]]->receive(now.peer[1 - from], piece);
  });
  fleet_.timeline.in(took, [this, index, from, connection] {
    if (links_[index].connection == connection) transmit(index, from);
  });
}

void Network::break_connection(std::size_t index, bool tell_first, bool tell_second, const std::string& why) {
  auto& link = links_[index];
  if (link.connection == 0) return;
  link.connection = 0;
  const bool tell[2] = {tell_first, tell_second};
  for (int end = 0; end < 2; ++end) {
    link.direction[end] = {};
    const auto peer = std::exchange(link.peer[end], 0);
    if (!tell[end]) continue;
    auto* node = nodes_[link.node[end]].get();
    fleet_.timeline.in(link.nature.delay_ms, [node, peer, why] { node->disconnect(peer, why); });
  }
}

void Network::set_up(std::size_t index, bool up, bool silent) {
  links_[index].up = up;
  if (!up) break_connection(index, !silent, !silent, "the link broke");
}

void Network::keep_down(std::size_t index, std::int64_t until_ms) {
  links_[index].down_until_ms = std::max(links_[index].down_until_ms, until_ms);
  break_connection(index, true, true, "the link broke");
}

void Network::lost(std::size_t node) {
  for (std::size_t i = 0; i < links_.size(); ++i) {
    if (links_[i].node[0] == node) break_connection(i, false, true, "the other side went away");
    if (links_[i].node[1] == node) break_connection(i, true, false, "the other side went away");
  }
}

void Network::close(std::size_t node, sync::PeerId peer) {
  const auto found = find(node, peer);
  if (!found) return;
  // What is queued (a BYE at the end) still goes out; here it is enough that the other side is told.
  break_connection(found->first, found->second == 1, found->second == 0, "closed by the other side");
}

}  // namespace airbridge::simulate
