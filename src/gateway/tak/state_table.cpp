#include "gateway/tak/state_table.hpp"

namespace airbridge::gateway::tak {

namespace {
constexpr std::size_t overhead = 256;  // nodes of the map and the list, and the shared buffer, about
}

std::size_t StateTable::cost(const Entries::value_type& kept) {
  const auto& entry = kept.second.entry;
  return overhead + kept.first.size() + entry.type.size() + (entry.xml ? entry.xml->size() : 0);
}

void StateTable::remove(Entries::iterator at) {
  bytes_ -= cost(*at);
  order(at->second.entry.retention).erase(at->second.place);
  entries_.erase(at);
}

void StateTable::put(std::string_view uid, StateEntry entry) {
  auto at = entries_.find(uid);
  auto& to = order(entry.retention);
  if (at == entries_.end()) {
    at = entries_.emplace(uid, Kept{}).first;
    at->second.place = to.insert(to.end(), at);
  } else {
    bytes_ -= cost(*at);
    to.splice(to.end(), order(at->second.entry.retention), at->second.place);
  }
  at->second.entry = std::move(entry);
  bytes_ += cost(*at);
  while (entries_.size() > limits_.uids_max || bytes_ > limits_.bytes_max) {
    auto& fuller = positions_.size() >= objects_.size() ? positions_ : objects_;
    remove(fuller.front());
    ++evicted_;
  }
}

bool StateTable::erase(std::string_view uid) {
  const auto at = entries_.find(uid);
  if (at == entries_.end()) return false;
  remove(at);
  return true;
}

const StateEntry* StateTable::find(std::string_view uid) const {
  const auto at = entries_.find(uid);
  return at == entries_.end() ? nullptr : &at->second.entry;
}

std::optional<StateTable::Named> StateTable::after(std::string_view uid) const {
  const auto at = entries_.upper_bound(uid);
  if (at == entries_.end()) return std::nullopt;
  return Named{&at->first, &at->second.entry};
}

void StateTable::expire(SteadyTime now) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto here = at++;
    if (here->second.entry.expires <= now) remove(here);
  }
}

}  // namespace airbridge::gateway::tak
