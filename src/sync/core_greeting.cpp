// Who is at the other end: HELLO, another incident, a second device with the same keys, two links to one node.
#include <fmt/format.h>

#include "model/cbor.hpp"
#include "sync/core.hpp"

namespace airbridge::sync {
namespace {
constexpr std::size_t incident_name_words_max = 32;  // of a name in the words of a refusal

std::string words_for(const model::IncidentId& id, std::string_view name) {
  const auto number = id.hex().substr(0, 8);
  if (name.empty()) return "incident " + number;
  return fmt::format("incident \"{}\" ({})", model::cbor::clean_text(name, incident_name_words_max), number);
}
}  // namespace

void Core::on_hello(Peer& peer, const Hello& hello, Now now) {
  if (peer.greeted) {
    refuse(peer, "a second HELLO");
    return;
  }
  if (hello.incident != config_.incident) {
    part_from_other_incident(peer, hello);
    return;
  }
  if (hello.version != protocol_version) {
    refuse(peer, fmt::format("protocol version {}", hello.version));
    part(peer, Parting::NewerProtocol,
         fmt::format("this node speaks version {} of the protocol, the other side {}: update the older one",
                     protocol_version, hello.version));
    return;
  }
  if (hello.node == config_.node) {
    if (is_twin_of(hello)) {
      outputs_.push_back(TwinFound{peer.id, hello.node, hello.name, peer.link.address});
      part(peer, Parting::Twin, "a second device runs with this node's keys");
    } else {
      part(peer, Parting::SameNode, "this is the node itself");
    }
    return;
  }
  peer.greeted = true;
  peer.reader.set_frame_max(frame_bytes_max);
  peer.run = hello.run;
  peer.node = hello.node;
  peer.name = hello.name;
  peer.incarnation = hello.incarnation;
  if (!peer.link.dialed) {
    peer.link.bearer = hello.bearer;
    peer.link.cost = hello.cost;
  }
  peer.features = hello.features;
  if (!settle_duplicate(peer, now)) return;
  greet(peer, hello.digest, now);
}

void Core::part_from_other_incident(Peer& peer, const Hello& hello) {
  const auto here = words_for(config_.incident, config_.incident_name);
  const auto there = words_for(hello.incident, hello.incident_name);
  refuse(peer, "another incident: " + there);
  part(peer, Parting::WrongIncident,
       fmt::format("this node serves {}, the other side {}: join it with an invitation, or take out this --peer", here,
                   there));
}

// A HELLO with this node's own key id: another process with its keys, or the node met itself?
bool Core::is_twin_of(const Hello& hello) const {
  if (hello.run != 0 && config_.run != 0) return hello.run != config_.run;
  return hello.incarnation != log_.own_writer().incarnation;
}

// A run that is back after another one had taken its place never ended: a restart would have made a new number.
bool Core::are_twins(const Peer& peer, const Peer& other, Now now) {
  std::erase_if(twins_, [&](const auto& item) { return item.second + twins_kept < now.steady; });
  const auto known = twins_.find(peer.node);
  if (known == twins_.end()) {
    if (peer.run != other.displaced || twins_.size() >= twins_max) return peer.run == other.displaced;
    twins_.emplace(peer.node, now.steady);
  } else {
    known->second = now.steady;
  }
  return true;
}

bool Core::settle_duplicate(Peer& peer, Now now) {
  for (auto& [id, other] : peers_) {
    if (id == peer.id || other.dead || !other.greeted || other.node != peer.node) continue;
    // Over another bearer it is welcome beside this one, unless one of them is of a process that is no more.
    if (other.link.bearer != peer.link.bearer && (other.run == peer.run || other.run == 0 || peer.run == 0)) continue;
    const bool other_run = peer.run != 0 && other.run != 0 && peer.run != other.run;
    if (other_run && are_twins(peer, other, now)) {
      // Each is heard for a while, so that what either wrote comes here, and both are told.
      outputs_.push_back(TwinFound{peer.id, peer.node, peer.name, peer.link.address});
      const bool others_turn = now.steady < other.connected + twin_turn;
      if (!others_turn) peer.displaced = other.run;
      part(others_turn ? peer : other, Parting::Twin, "a second device runs with the keys of this one");
      if (others_turn) return false;
      continue;
    }
    // Two links at once: when both sides dialled, both keep the one the node with the lower key opened; else the newer,
    // because the older may be half dead. One of another run is of a process that is no more, or of a twin.
    const bool keep_dialed = config_.node < peer.node;
    const bool keep_new = other_run || other.link.dialed == peer.link.dialed || peer.link.dialed == keep_dialed;
    if (keep_new) peer.displaced = other.run == peer.run ? other.displaced : other.run;
    auto& leaving = keep_new ? other : peer;
    part(leaving, Parting::Duplicate, "another link to this node is open");
    if (!keep_new) return false;
  }
  return true;
}

}  // namespace airbridge::sync
