#include "gateway/tak/state_table.hpp"

namespace airbridge::gateway::tak {

namespace {
constexpr std::size_t overhead = 256;  // nodes of the maps and the shared buffer, about
}

std::size_t StateTable::cost(const Entries::value_type& entry) {
  return overhead + 2 * entry.first.size() + entry.second.type.size() +
         (entry.second.xml ? entry.second.xml->size() : 0);
}

void StateTable::remove(Entries::iterator at) {
  bytes_ -= cost(*at);
  orders(at->second.retention).erase(at->second.order);
  entries_.erase(at);
}

void StateTable::put(const std::string& uid, StateEntry entry) {
  if (const auto old = entries_.find(uid); old != entries_.end()) remove(old);
  entry.order = next_order_++;
  const auto retention = entry.retention;
  const auto [at, inserted] = entries_.emplace(uid, std::move(entry));
  bytes_ += cost(*at);
  orders(retention).emplace(at->second.order, at);
  while (entries_.size() > limits_.uids_max || bytes_ > limits_.bytes_max) {
    auto& fuller = positions_.size() >= objects_.size() ? positions_ : objects_;
    remove(fuller.begin()->second);
    ++evicted_;
  }
}

bool StateTable::erase(const std::string& uid) {
  const auto at = entries_.find(uid);
  if (at == entries_.end()) return false;
  remove(at);
  return true;
}

const StateEntry* StateTable::find(const std::string& uid) const {
  const auto at = entries_.find(uid);
  return at == entries_.end() ? nullptr : &at->second;
}

const std::pair<const std::string, StateEntry>* StateTable::after(const std::string& uid) const {
  const auto at = entries_.upper_bound(uid);
  return at == entries_.end() ? nullptr : &*at;
}

const std::string* StateTable::uid_of(const model::EntityId& entity) const {
  for (const auto& [uid, entry] : entries_) {
    if (entry.entity == entity) return &uid;
  }
  return nullptr;
}

void StateTable::expire(SteadyTime now) {
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto here = at++;
    if (here->second.expires <= now) remove(here);
  }
}

}  // namespace airbridge::gateway::tak
