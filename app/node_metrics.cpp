#include "node_metrics.hpp"

#include "metrics_text.hpp"

namespace airbridge::app {

namespace {

constexpr std::string_view class_names[] = {"urgent", "important", "routine"};

// What a link does not measure has no line.
void put_link(MetricsText& out, const std::string& peer, const api::LinkInfo& link) {
  const auto put = [&](std::string_view name, std::string_view type, std::string_view words, auto value) {
    out.put(name, type, words, value, {{"peer", peer}, {"bearer", link.bearer}, {"kind", link.kind}});
  };
  put("link_active", "gauge", "1 while this link carries what the peer is sent.", link.state == "active" ? 1 : 0);
  put("link_bytes_sent_total", "counter", "Bytes sent on this link.", link.bytes_sent);
  put("link_bytes_received_total", "counter", "Bytes received on this link.", link.bytes_received);
  if (link.round_trip) put("link_round_trip_ms", "gauge", "Time of an answer.", link.round_trip->count());
  if (link.retransmissions)
    put("link_retransmissions_total", "counter", "Frames or segments sent again.", *link.retransmissions);
  if (link.occupancy_percent) put("link_occupancy_percent", "gauge", "Of the channel's time.", *link.occupancy_percent);
  if (link.in_use_bps) put("link_in_use_bps", "gauge", "Bits per second both ways, lately.", *link.in_use_bps);
  if (link.loss_percent) put("link_loss_percent", "gauge", "Of frames, lately.", *link.loss_percent);
  if (link.budget_left_bytes) put("link_budget_left_bytes", "gauge", "Of a metered bearer.", *link.budget_left_bytes);
}

}  // namespace

std::string node_metrics(const api::Status& status, const picture::Picture& picture, std::uint64_t commands) {
  MetricsText out;
  const auto& counts = picture.counts();
  out.put("info", "gauge", "Version of the program.", 1,
          {{"version", status.node.version}, {"profile", status.node.profile}});
  out.put("events", "gauge", "Events in the log.", status.store.events);
  out.put("folded_events", "gauge", "Events the picture was made of.", counts.folded);
  out.put("entities", "gauge", "Records in the picture.", counts.entities);
  out.put("tracks", "gauge", "Live tracks.", counts.tracks);
  out.put("conflicts", "gauge", "Contradictions a person must settle.", status.conflicts);
  out.put("conflicts_urgent", "gauge", "Of these, urgent ones.", status.conflicts_urgent);
  out.put("placeholders", "gauge", "Records of which the beginning is missing.", counts.placeholders);
  out.put("withheld_events", "gauge", "Events of authors that are not granted.", counts.withheld);
  out.put("unshared_events", "gauge", "Own events no other node is known to hold.", status.unshared);
  out.put("store_damaged_ranges", "gauge", "Stretches of the log that cannot be read.", status.store.damaged);
  out.put("store_scrubbed_bytes_total", "counter", "Bytes of the log read again in search of damage.",
          status.store.scrubbed_bytes);
  out.put("store_refusing_writes", "gauge", "1 while new entries are refused.", status.store.refusing_writes ? 1 : 0);
  out.put("disk_free_bytes", "gauge", "Free space for the store.", status.store.disk_free_bytes);
  out.put("commands_total", "counter", "Commands taken from the API.", commands);
  for (const auto& peer : status.peers) {
    const auto peer_name = peer.id.is_zero() ? peer.address : peer.id.hex();
    out.put("peer_connected", "gauge", "1 while linked.", peer.state == "connected" ? 1 : 0, {{"peer", peer_name}});
    for (std::size_t c = 0; c < peer.lacks_here_by_class.size(); ++c) {
      out.put("peer_lacks_here", "gauge", "Events the peer holds and this node does not.", peer.lacks_here_by_class[c],
              {{"peer", peer_name}, {"class", class_names[c]}});
      out.put("peer_lacks_there", "gauge", "Events this node holds and the peer does not.",
              peer.lacks_there_by_class[c], {{"peer", peer_name}, {"class", class_names[c]}});
    }
    for (const auto& link : peer.links) put_link(out, peer_name, link);
    out.put("peer_bytes_sent_total", "counter", "Bytes sent on the present link.", peer.bytes_sent,
            {{"peer", peer_name}});
    out.put("peer_bytes_received_total", "counter", "Bytes received on the present link.", peer.bytes_received,
            {{"peer", peer_name}});
  }
  for (const auto& bearer : status.bearers) {
    for (const auto& [why, count] : bearer.refused)
      out.put("bearer_frames_refused_total", "counter", "Frames of a bearer that were not taken.", count,
              {{"bearer", bearer.name}, {"why", why}});
  }
  out.put("cut_off", "gauge", "1 while other nodes are expected and none is heard.", status.cut_off ? 1 : 0);
  for (const auto& feed : status.feeds) {
    out.put("feed_received_total", "counter", "Messages received.", feed.received,
            {{"feed", feed.name}, {"source", feed.address}});
    out.put("feed_refused_total", "counter", "Damaged messages refused.", feed.refused,
            {{"feed", feed.name}, {"source", feed.address}});
    out.put("feed_not_carried_total", "counter", "Messages declined as outside a civil system.", feed.not_carried,
            {{"feed", feed.name}, {"source", feed.address}});
    out.put("feed_clients", "gauge", "Connected clients.", feed.clients,
            {{"feed", feed.name}, {"source", feed.address}});
  }
  return out.text();
}

}  // namespace airbridge::app
