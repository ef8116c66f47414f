// Positions on message links: a thing is said in full once, then its fixes in a few bytes that name it by a tag
// (compact_position.hpp). What was said in full is counted per channel, for all who hear it.
#include <algorithm>

#include "sync/compact_position.hpp"
#include "sync/core.hpp"

namespace airbridge::sync {

// A link that shares its air with no other has a number of its own, and what was said on it goes with it.
std::uint64_t Core::air_number(const Peer& peer) {
  constexpr std::uint64_t alone = std::uint64_t{1} << 32;
  return peer.link.channel != 0 ? peer.link.channel : alone | peer.id;
}

Bytes Core::encode_values(Peer& peer, const LastValues& values, const std::vector<ObservationKey>& keys, Now now) {
  auto& air = air_[air_number(peer)];
  auto context = context_for(peer, now);
  context.told = [&](const ObservationKey& key) -> ByteView {
    const auto found = air.told.find(key);
    if (found == air.told.end() || now.steady >= found->second.at + told_in_full_for) return {};
    return found->second.bytes;
  };
  auto bytes = encode_compact(values, context);
  // What could not go in short form has now gone in full.
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto fresh = model::decode_observation(values.observations[i]);
    if (!fresh) continue;
    const auto told = context.told(keys[i]);
    const auto full = told.empty() ? std::nullopt : std::optional(model::decode_observation(told));
    if (full && *full && compact::short_position(*fresh, **full, now.utc)) continue;
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
