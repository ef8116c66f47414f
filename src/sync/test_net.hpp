#pragma once
// Nodes and cables in memory, for the tests of this folder.
#include <deque>
#include <memory>

#include "sync/core.hpp"
#include "sync/memory_log.hpp"

namespace airbridge::sync::test {

inline trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}
inline const model::IncidentId incident = [] {
  model::IncidentId id;
  id.value.fill(0x11);
  return id;
}();
inline model::StreamId stream_of(std::uint8_t n, model::Class cls, std::uint32_t incarnation = 1) {
  return {{key_of(n).id(), incarnation}, cls, {}};
}
inline Now at_ms(std::int64_t ms) {
  return {utc_from_ms(1'767'225'600'000 + ms), SteadyTime(Milliseconds(1'000'000 + ms))};
}

struct Node {
  explicit Node(std::uint8_t n, Planted planted = Planted::None, const model::IncidentId& of = incident)
      : key(key_of(n)), log(of, {key.id(), 1}), core(Config{of, key.id(), "N" + std::to_string(n), planted}, log) {
    log.add_key(key.public_key());
  }
  void write(model::Class cls, std::size_t size = 40, std::uint8_t fill = 7) { log.write(key, cls, size, fill); }

  trust::SigningKey key;
  MemoryLog log;
  Core core;
  bool writes_to_disk = true;  // false: accepts wait in `waiting`
  std::deque<Accept> waiting;
  std::vector<Output> seen;  // everything but Send and Accept
  std::vector<Accept> took;
};

// Joins two nodes; carries frames when told.
class Net {
 public:
  struct End {
    Node* node = nullptr;
    PeerId peer = 0;
    std::deque<Send> urgent, normal;
    bool open = true;
  };
  struct Cable {
    End a, b;
    std::size_t bytes_ab = 0, bytes_ba = 0;
    std::vector<std::pair<bool, Send>> log;  // true: from a
  };

  Node& add(std::uint8_t n, Planted planted = Planted::None) {
    nodes.push_back(std::make_unique<Node>(n, planted));
    return *nodes.back();
  }
  Cable& join(Node& a, Node& b, LinkProfile profile = {}) {
    cables.push_back(std::make_unique<Cable>());
    auto& cable = *cables.back();
    profile.dialed = true;
    a.core.durable(now());
    b.core.durable(now());
    cable.a.node = &a;
    cable.b.node = &b;
    cable.a.peer = a.core.connect(profile, now());
    profile.dialed = false;
    cable.b.peer = b.core.connect(profile, now());
    collect();
    return cable;
  }
  void cut(Cable& cable) {
    for (auto* end : {&cable.a, &cable.b}) {
      end->open = false;
      end->urgent.clear();
      end->normal.clear();
      end->node->core.disconnect(end->peer, "cable pulled", now());
    }
    collect();
  }
  // Takes outputs to the cables and disks; true when there was something.
  bool collect() {
    bool any = false;
    for (auto& node : nodes) any |= collect(*node);
    return any;
  }
  bool collect(Node& node) {
    bool any = false;
    auto outputs = node.core.take_outputs();
    bool wrote = false;
    for (auto& output : outputs) {
      any = true;
      if (auto* send = std::get_if<Send>(&output)) {
        if (auto* end = end_of(node, send->peer)) {
          (send->urgent ? end->urgent : end->normal).push_back(std::move(*send));
        }
      } else if (auto* accept = std::get_if<Accept>(&output)) {
        node.waiting.push_back(std::move(*accept));
      } else {
        if (const auto* close = std::get_if<Close>(&output)) {
          if (auto* end = end_of(node, close->peer)) end->open = false;
        }
        node.seen.push_back(std::move(output));
      }
    }
    while (node.writes_to_disk && !node.waiting.empty()) {
      auto accept = std::move(node.waiting.front());
      node.waiting.pop_front();
      if (accept.author_key) node.log.add_key(*accept.author_key);
      if (node.log.append(accept.run)) {
        node.core.accepted(accept.ticket, now());
      } else {
        node.core.refused(accept.ticket, now());
      }
      node.took.push_back(std::move(accept));
      wrote = true;
    }
    if (wrote) node.core.durable(now());
    return any || wrote;
  }
  // Carries one frame of each direction of each cable, cut into `slice` bytes.
  bool step(std::size_t slice = SIZE_MAX) {
    bool any = collect();
    for (std::size_t c = 0; c < cables.size(); ++c) {
      auto& cable = *cables[c];
      for (const bool from_a : {true, false}) {
        auto& from = from_a ? cable.a : cable.b;
        auto& to = from_a ? cable.b : cable.a;
        auto& queue = from.urgent.empty() ? from.normal : from.urgent;
        if (queue.empty()) continue;
        auto send = std::move(queue.front());
        queue.pop_front();
        any = true;
        (from_a ? cable.bytes_ab : cable.bytes_ba) += send.bytes.size();
        cable.log.emplace_back(from_a, send);
        for (std::size_t at = 0; at < send.bytes.size(); at += slice) {
          const auto size = std::min(slice, send.bytes.size() - at);
          to.node->core.receive(to.peer, ByteView(send.bytes).subspan(at, size), now());
        }
        if (from.urgent.empty() && from.normal.empty() && from.open) from.node->core.drained(from.peer, now());
        collect();
      }
    }
    return any;
  }
  void settle(std::size_t slice = SIZE_MAX) {
    for (int i = 0; i < 1'000'000 && step(slice); ++i) {
    }
  }
  void pass(std::int64_t ms, std::int64_t each = 500) {
    for (const auto end = time + ms; time < end;) {
      time += each;
      for (auto& node : nodes) node->core.poll(now());
      settle();
    }
  }
  Now now() const { return at_ms(time); }
  End* end_of(Node& node, PeerId peer) {
    for (auto& cable : cables) {
      for (auto* end : {&cable->a, &cable->b}) {
        if (end->node == &node && end->peer == peer && end->open) return end;
      }
    }
    return nullptr;
  }

  std::vector<std::unique_ptr<Node>> nodes;
  std::vector<std::unique_ptr<Cable>> cables;
  std::int64_t time = 0;
};

template <class T>
std::vector<T> all(const Node& node) {
  std::vector<T> out;
  for (const auto& output : node.seen) {
    if (const auto* it = std::get_if<T>(&output)) out.push_back(*it);
  }
  return out;
}

}  // namespace airbridge::sync::test
