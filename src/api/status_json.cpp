// How a node is doing, as JSON (docs/protocol/api.md). What is not measured is left out.
#include "api/picture_json.hpp"

namespace airbridge::api {
namespace {

constexpr std::string_view class_names[] = {"urgent", "important", "routine"};

void put(json::object& out, std::string_view key, std::string_view value) {
  if (!value.empty()) out[key] = value;
}
template <class T>
void put(json::object& out, std::string_view key, const std::optional<T>& value) {
  if (value) out[key] = *value;
}
void put(json::object& out, std::string_view key, const std::optional<Milliseconds>& value) {
  if (value) out[key] = value->count();
}

json::object by_class(const ByClass& counts) {
  json::object out;
  for (std::size_t c = 0; c < counts.size(); ++c) out[class_names[c]] = counts[c];
  return out;
}

json::object link_json(const LinkInfo& link) {
  json::object out{{"bearer", link.bearer},
                   {"kind", link.kind},
                   {"state", link.state},
                   {"address", link.address},
                   {"last_heard_ms", ms_of(link.last_heard)},
                   {"bytes_sent", link.bytes_sent},
                   {"bytes_received", link.bytes_received}};
  put(out, "profile", link.profile);
  put(out, "round_trip_ms", link.round_trip);
  put(out, "retransmissions", link.retransmissions);
  put(out, "occupancy_percent", link.occupancy_percent);
  put(out, "in_use_bps", link.in_use_bps);
  put(out, "position_interval_ms", link.position_interval);
  put(out, "loss_percent", link.loss_percent);
  put(out, "budget_left_bytes", link.budget_left_bytes);
  put(out, "why", link.why);
  return out;
}

json::object peer_json(const PeerInfo& peer) {
  json::array links;
  for (const auto& link : peer.links) links.push_back(link_json(link));
  json::object out{{"name", peer.name},
                   {"id", peer.id.hex()},
                   {"address", peer.address},
                   {"state", peer.state},
                   {"last_heard_ms", ms_of(peer.last_heard)},
                   {"level", peer.level},
                   {"lacks_here", peer.lacks_here},
                   {"lacks_there", peer.lacks_there},
                   {"lacks_here_by_class", by_class(peer.lacks_here_by_class)},
                   {"lacks_there_by_class", by_class(peer.lacks_there_by_class)},
                   {"bytes_sent", peer.bytes_sent},
                   {"bytes_received", peer.bytes_received},
                   {"links", std::move(links)}};
  put(out, "to_level_ms", peer.to_level);
  put(out, "why", peer.why);
  return out;
}

json::object channel_json(const ChannelInfo& channel) {
  return {{"rate_bps", channel.rate_bps},
          {"mtu", channel.mtu},
          {"half_duplex", channel.half_duplex},
          {"turn_round_ms", channel.turn_round.count()},
          {"delay_ms", channel.delay.count()},
          {"broadcast", channel.broadcast},
          {"one_way", channel.one_way},
          {"encrypt", channel.encrypt},
          {"duty_cycle", channel.duty_cycle},
          {"beacon_interval_ms", channel.beacon_interval.count()},
          {"cost", channel.cost}};
}

json::object bearer_json(const BearerInfo& bearer) {
  json::object out{{"name", bearer.name},
                   {"kind", bearer.kind},
                   {"profile", bearer.profile},
                   {"channel", channel_json(bearer.channel)},
                   {"state", bearer.state},
                   {"address", bearer.address},
                   {"bytes_sent", bearer.bytes_sent},
                   {"bytes_received", bearer.bytes_received}};
  if (!bearer.refused.empty()) {
    auto& refused = (out["refused"] = json::object()).as_object();
    for (const auto& [why, count] : bearer.refused) refused[why] = count;
  }
  put(out, "occupancy_percent", bearer.occupancy_percent);
  put(out, "in_use_bps", bearer.in_use_bps);
  put(out, "position_interval_ms", bearer.position_interval);
  put(out, "budget_bytes", bearer.budget_bytes);
  put(out, "budget_left_bytes", bearer.budget_left_bytes);
  put(out, "why", bearer.why);
  return out;
}

json::object feed_json(const FeedInfo& feed) {
  json::object reasons;
  for (const auto& [reason, count] : feed.reasons) reasons[reason] = count;
  json::object out{{"name", feed.name},
                   {"state", feed.state},
                   {"address", feed.address},
                   {"clients", feed.clients},
                   {"received", feed.received},
                   {"refused", feed.refused},
                   {"not_carried", feed.not_carried},
                   {"reasons", std::move(reasons)},
                   {"last_ms", ms_of(feed.last)}};
  put(out, "why", feed.why);
  return out;
}

}  // namespace

json::object node_json(const NodeInfo& node) {
  return {{"id", node.id.hex()}, {"name", node.name}, {"profile", node.profile}};
}

json::object incident_json(const IncidentInfo& incident) {
  return {{"id", incident.id.hex()}, {"name", incident.name}, {"exercise", incident.exercise}};
}

json::object status_json(const Status& status) {
  json::array peers, bearers, feeds, clocks, problems;
  for (const auto& peer : status.peers) peers.push_back(peer_json(peer));
  for (const auto& bearer : status.bearers) bearers.push_back(bearer_json(bearer));
  for (const auto& feed : status.feeds) feeds.push_back(feed_json(feed));
  for (const auto& clock : status.clocks) {
    clocks.push_back(json::object{{"node", clock.name},
                                  {"node_id", clock.id.hex()},
                                  {"ahead_ms", clock.ahead_ms},
                                  {"quality", model::name_of(clock.quality)},
                                  {"at_ms", ms_of(clock.at)}});
  }
  for (const auto& problem : status.problems) problems.emplace_back(problem);
  json::object store{{"events", status.store.events},
                     {"durable_to", status.store.durable_to},
                     {"state_hash", status.store.state_hash},
                     {"damaged", status.store.damaged},
                     {"disk_free_bytes", status.store.disk_free_bytes},
                     {"refusing_writes", status.store.refusing_writes},
                     {"scrubbed_bytes", status.store.scrubbed_bytes}};
  put(store, "why", status.store.why);
  if (const auto& shown = status.store.unverified)
    store["unverified"] = json::object{{"from", shown->from_name},
                                       {"from_id", shown->from.hex()},
                                       {"made_ms", ms_of(shown->made)},
                                       {"events", shown->events},
                                       {"here", shown->here}};
  json::object out{{"node", node_json(status.node)}, {"incident", incident_json(status.incident)},
                   {"version", status.node.version}, {"insecure_lab", status.node.insecure_lab},
                   {"peers", std::move(peers)},      {"bearers", std::move(bearers)},
                   {"cut_off", status.cut_off},      {"clock", status.clock},
                   {"unshared", status.unshared},    {"unshared_by_class", by_class(status.unshared_by_class)},
                   {"feeds", std::move(feeds)},      {"store", std::move(store)},
                   {"conflicts", status.conflicts},  {"conflicts_urgent", status.conflicts_urgent},
                   {"clocks", std::move(clocks)},    {"problems", std::move(problems)}};
  if (status.cut_off) out["cut_off_since_ms"] = ms_of(status.cut_off_since);
  if (status.own_position) {
    const auto& own = *status.own_position;
    out["own_position"] = json::object{{"lat", own.position.latitude.degrees()},
                                       {"lon", own.position.longitude.degrees()},
                                       {"at_ms", ms_of(own.at)},
                                       {"source", own.source}};
  }
  return out;
}

}  // namespace airbridge::api
