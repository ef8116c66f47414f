// Positions on message links: a thing is said in full once, then its fixes in a few bytes that name it by a tag
// (compact_position.hpp). What was said in full is counted per channel, for all who hear it.
#include <algorithm>

#include "sync/compact_position.hpp"
#include "sync/core.hpp"

namespace airbridge::sync {

ByteView Core::told_on(const Air& air, const ObservationKey& key, Now now) {
  const auto found = air.told.find(key);
  if (found == air.told.end() || now.steady >= found->second.at + told_in_full_for) return {};
  return found->second.bytes;
}

// A link that shares its air with no other has a number of its own, and what was said on it goes with it.
std::uint64_t Core::air_number(const Peer& peer) {
  constexpr std::uint64_t alone = std::uint64_t{1} << 32;
  return peer.link.channel != 0 ? peer.link.channel : alone | peer.id;
}

bool Core::goes_short(const Air& air, const ObservationKey& key, const model::Observation& fresh, Now now) {
  const auto told = told_on(air, key, now);
  const auto full = told.empty() ? std::nullopt : std::optional(model::decode_observation(told));
  return full && *full && compact::short_position(fresh, **full, now.utc);
}

// Of the next one that waits, as it will go.
std::size_t Core::value_bytes(Peer& peer, Now now) {
  const auto& key = peer.observations.next_key();
  const auto fresh = model::decode_observation(peer.observations.next_said().bytes);
  const bool is_short = fresh && goes_short(air_[air_number(peer)], key, *fresh, now);
  return is_short ? short_position_bytes : fitting(peer, peer.observations.next_said()).size();
}

// Where its document is too much for one message it goes without, rather than not at all.
Bytes Core::fitting(const Peer& peer, const Said& said) {
  if (!said.document || said.bytes.size() + 3 <= peer.link.value_bytes_max) return said.bytes;
  auto observation = model::decode_observation(said.bytes);
  if (!observation) return said.bytes;
  observation->document.clear();
  return model::encode(*observation);
}

Bytes Core::encode_values(Peer& peer, const LastValues& values, const std::vector<ObservationKey>& keys, Now now) {
  auto& air = air_[air_number(peer)];
  auto context = context_for(peer, now);
  context.told = [&](const ObservationKey& key) { return told_on(air, key, now); };
  auto bytes = encode_compact(values, context);
  // What could not go in short form has now gone in full.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto fresh = model::decode_observation(values.observations[i]);
    if (!fresh) continue;
    air.pace.said(keys[i], *fresh, now.steady);
    if (goes_short(air, keys[i], *fresh, now)) continue;
    if (air.told.size() >= told_in_full_max) air.told.clear();
    air.told[keys[i]] = {values.observations[i], tag_of(*fresh), now.steady};
  }
  return bytes;
}

void Core::note_heard(Air& air, const LastValues& values) {
  for (const auto& bytes : values.observations) {
    const auto observation = model::decode_observation(bytes);
    if (!observation) continue;  // refused where it is taken
    if (air.heard_count >= told_in_full_max) {
      air.heard.clear();
      air.heard_count = 0;
    }
    auto& same = air.heard[tag_of(*observation)];
    const auto key = key_of(*observation);
    const auto known = std::ranges::find_if(same, [&](const Bytes& old) {
      const auto held = model::decode_observation(old);
      return held && key_of(*held) == key;
    });
    if (known != same.end()) {
      *known = bytes;
    } else if (same.size() < same_tag_max) {
      same.push_back(bytes);
      ++air.heard_count;
    }
  }
}

void Core::set_occupancy(PeerId id, double occupancy) {
  if (auto* peer = find(id); peer != nullptr && peer->link.is_message) peer->occupancy = occupancy;
}

// For a peer now, or when its turn on this channel comes.
void Core::offer_value(Peer& peer, const ObservationKey& key, SharedSaid said, const model::Observation& fresh,
                       Now now) {
  if (!peer.occupancy) return peer.observations.put(key, std::move(said));
  const auto turn = air_[air_number(peer)].pace.turn(key, fresh, *peer.occupancy, now.steady);
  if (turn.due > now.steady && !peer.observations.contains(key) && !peer.resting.is_full())
    return peer.resting.put(key, std::move(said), turn);
  peer.resting.forget(key);
  peer.observations.put(key, std::move(said), turn.rank);
}

// What is due. When the turn to speak is there, what will be soon goes along: it costs less now than alone.
void Core::release_values(Peer& peer, Now now, bool is_turn) {
  const auto ahead = is_turn && peer.occupancy ? value_interval(*peer.occupancy) / value_gather_part : Milliseconds(0);
  while (auto value = peer.resting.take(now.steady + ahead))
    peer.observations.put(value->key, std::move(value->said), value->rank);
}

// Somebody did not hear what stands behind these tags: it is said in full again.
void Core::on_who_is(Peer& peer, const WhoIs& who, Now now) {
  auto& air = air_[air_number(peer)];
  for (auto it = air.told.begin(); it != air.told.end();) {
    if (std::ranges::find(who.tags, it->second.tag) == who.tags.end()) {
      ++it;
      continue;
    }
    if (const auto said = last_values_.find(it->first)) peer.observations.put(it->first, said);
    it = air.told.erase(it);
  }
  pump(peer, now);
}

}  // namespace airbridge::sync
