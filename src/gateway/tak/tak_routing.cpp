// Who gets what, and what a slow reader gets instead: the sending half of TakServer.
#include <algorithm>
#include <cstring>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "codec/cot/rewrite.hpp"
#include "codec/cot/writer.hpp"
#include "gateway/tak/messages.hpp"
#include "gateway/tak/model_to_cot.hpp"
#include "gateway/tak/tak_client.hpp"
#include "gateway/tak/tak_server.hpp"

namespace airbridge::gateway::tak {

namespace cot = codec::cot;
using cot::Category;

namespace {

constexpr std::string_view area = "tak";
constexpr std::string_view everybody = "All Streaming";

std::uint64_t content_of(const cot::Event& event) {
  const std::int32_t place[] = {event.position.latitude.e7(), event.position.longitude.e7()};
  const ByteView place_bytes(reinterpret_cast<const std::uint8_t*>(place), sizeof place);
  const auto hash = blake2b<8>({as_bytes(event.type), place_bytes, as_bytes(event.opex), as_bytes(event.detail_xml)});
  std::uint64_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

// The lifetime is the sender's, the clock is ours: its clock may be wrong.
Milliseconds lifetime_of(Milliseconds asked, const StateLimits& limits, bool archive) {
  const auto lifetime = std::clamp(asked, Milliseconds{0}, limits.lifetime_max);
  return archive && lifetime > Milliseconds{0} ? std::max(lifetime, limits.archive_lifetime) : lifetime;
}

}  // namespace

void TakServer::keep_position(std::string_view uid, const cot::Envelope& envelope, const net::SharedBytes& xml,
                              SteadyTime now) {
  const auto lifetime = lifetime_of(envelope.stale - envelope.time, options_.limits.state, false);
  if (lifetime == Milliseconds{0}) {
    state_.erase(uid);
    return;
  }
  state_.put(uid, {.xml = xml,
                   .type = envelope.type.str(),
                   .category = Category::Other,
                   .retention = Retention::Position,
                   .expires = now + lifetime});
}

// False when this is what the table already says.
bool TakServer::keep(const cot::Event& event, const net::SharedBytes& xml, SteadyTime now) {
  if (!is_kept(event.category)) {
    if (event.category == Category::AlertCancel) state_.erase(event.uid);
    return true;
  }
  const auto lifetime = lifetime_of(event.stale - event.time, options_.limits.state, event.archive);
  if (lifetime == Milliseconds{0}) return state_.erase(event.uid);  // "drop track"
  const auto content = content_of(event);
  const auto* old = state_.find(event.uid);
  const bool changed = old == nullptr || old->content != content;
  state_.put(event.uid, {.xml = xml,
                         .type = event.type,
                         .category = event.category,
                         .retention = cot::is_position_report(event) ? Retention::Position : Retention::Object,
                         .expires = now + lifetime,
                         .content = content});
  return changed;
}

void TakServer::route(const Client* sender, const cot::Event& event, const Message& message) {
  const auto to_all = std::any_of(event.dests.begin(), event.dests.end(), [](const cot::Dest& dest) {
    return dest.kind == cot::Dest::Kind::Callsign && dest.value == everybody;
  });
  if (event.dests.empty() || to_all) return deliver_to_others(sender, message);
  bool reached = false;
  for (const auto& client : clients_) {
    if (client.get() == sender || client->uid.empty()) continue;
    const auto is_meant = [&](const cot::Dest& dest) {
      return (dest.kind == cot::Dest::Kind::Callsign && dest.value == client->callsign) ||
             (dest.kind == cot::Dest::Kind::Uid && dest.value == client->uid);
    };
    if (!std::any_of(event.dests.begin(), event.dests.end(), is_meant)) continue;
    reached = true;
    deliver(*client, message);
  }
  if (!reached) ++counters_.undeliverable;
}

void TakServer::deliver_to_others(const Client* sender, const Message& message) {
  const auto* except = sender == nullptr ? nullptr : sender->connection.get();
  if (message.urgency == Urgency::Ordinary) {
    counters_.delivered += fanout_->send(message.xml, except, [&](net::Connection& full) {
      const auto at = std::find(connections_.begin(), connections_.end(), &full);
      if (at != connections_.end())
        not_delivered(*clients_[static_cast<std::size_t>(at - connections_.begin())], message);
    });
    return;
  }
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    auto* const connection = connections_[i];
    if (connection == except) continue;
    const auto sent = connection->send_urgent(message.xml);
    if (sent == net::Sent::Queued) ++counters_.delivered;
    if (sent == net::Sent::Dropped) not_delivered(*clients_[i], message);
  }
}

void TakServer::deliver(Client& client, const Message& message) {
  auto& connection = *client.connection;
  const auto sent =
      message.urgency == Urgency::Urgent ? connection.send_urgent(message.xml) : connection.send(message.xml);
  if (sent == net::Sent::Queued) ++counters_.delivered;
  if (sent == net::Sent::Dropped) not_delivered(client, message);
}

void TakServer::not_delivered(Client& client, const Message& message) {
  if (!message.recoverable) {
    ++counters_.lost;
    log::warn(area, "a client does not read: a message to it was lost",
              {{"peer", client.connection->peer()}, {"uid", client.uid}});
    return;
  }
  ++counters_.dropped;
  client.connection->want_drained(true);
  if (client.catching_up && message.uid > client.cursor) return;  // it comes anyway
  client.missed[std::string(message.uid)] = message.deletion;
  if (client.missed.size() <= options_.limits.missed_max) return;
  client.missed.clear();
  client.catching_up = true;
  client.cursor.clear();
}

// Fills half the queue and no more: live events find room in the other half.
void TakServer::catch_up(Client& client) {
  auto& connection = *client.connection;
  const auto has_room = [&] { return connection.queued_bytes() < options_.limits.queue_bytes_max / 2; };
  while (!client.missed.empty() && has_room()) {
    const auto& [uid, deleted] = *client.missed.begin();
    net::SharedBytes bytes;
    if (const auto* entry = state_.find(uid)) {
      bytes = entry->xml;
    } else if (deleted) {
      bytes = std::make_shared<const Bytes>(cot::write_delete(uid, "a-u-G", cot::Deletion::Forced, clock_.now().utc));
    }
    if (bytes && connection.send(bytes) != net::Sent::Queued) return;
    client.missed.erase(client.missed.begin());
  }
  while (client.catching_up && has_room()) {
    const auto next = state_.after(client.cursor);
    if (!next) {
      client.catching_up = false;
      client.cursor.clear();
      break;
    }
    if (*next->uid != client.uid && connection.send(next->entry->xml) != net::Sent::Queued) return;
    client.cursor = *next->uid;
  }
  connection.want_drained(client.catching_up || !client.missed.empty());
}

// Work of other threads, as long as not too much of it waits.
bool TakServer::post(std::size_t bytes, std::function<void()> work) {
  const auto& limits = options_.limits;
  if (told_waiting_ >= limits.told_waiting_max || told_bytes_ > limits.told_bytes_max) return false;
  ++told_waiting_;
  told_bytes_ += bytes;
  loop_.post([this, alive = alive_, bytes, work = std::move(work)] {
    if (!*alive) return;
    --told_waiting_;
    told_bytes_ -= bytes;
    work();
  });
  return true;
}

bool TakServer::broadcast(net::SharedBytes xml) {
  const auto bytes = xml->size();
  return post(bytes, [this, xml = std::move(xml)] { broadcast_now(xml); });
}

bool TakServer::remove(const model::EntityId& id, std::string uid) {
  return post(uid.size(), [this, id, uid = std::move(uid)] { remove_now(id, uid); });
}

void TakServer::broadcast_now(const net::SharedBytes& xml) {
  const auto envelope = cot::scan(*xml);
  const auto event = envelope ? cot::parse(*xml, *envelope) : Result<cot::Event, cot::Fault>(failure(envelope.error()));
  if (!event || event->not_carried) {
    log::warn(area, "not sent to TAK clients",
              {{"reason", event ? std::string(cot::name_of(*event->not_carried)) : cot::describe(event.error())}});
    return;
  }
  if (event->category == Category::Delete) {
    const auto uid = target_of(*event);
    state_.erase(uid);
    deliver_to_others(nullptr, {uid, xml, Urgency::Ordinary, true, true});
    return fanout_->end_turn();
  }
  if (by_uid_.contains(event->uid)) return;
  const auto out = with_declaration(cot::scrub(*xml, *envelope));
  if (event->dests.empty()) keep(*event, out, clock_.now().steady);
  route(nullptr, *event,
        {event->uid, out, is_urgent(event->category) ? Urgency::Urgent : Urgency::Ordinary,
         event->dests.empty() && is_kept(event->category)});
  fanout_->end_turn();
}

void TakServer::remove_now(const model::EntityId& id, std::string uid) {
  for (auto known = state_.after({}); known; known = state_.after(*known->uid)) {
    if (entity_of(*known->uid) != id) continue;
    uid = *known->uid;
    break;
  }
  state_.erase(uid);
  const auto bytes = cot::write_delete(uid, "a-u-G", cot::Deletion::Forced, clock_.now().utc);
  deliver_to_others(nullptr, {uid, std::make_shared<const Bytes>(bytes), Urgency::Ordinary, true, true});
  fanout_->end_turn();
}

}  // namespace airbridge::gateway::tak
