#include "gateway/tak/tak_server.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "codec/cot/rewrite.hpp"
#include "codec/cot/writer.hpp"
#include "gateway/tak/messages.hpp"
#include "gateway/tak/tak_client.hpp"

namespace airbridge::gateway::tak {

namespace cot = codec::cot;
using cot::Category;

namespace {

constexpr Milliseconds sweep_period{5'000};
constexpr Milliseconds report_retry{50};
constexpr int batch_timer_spans = 4;  // while events keep coming the next one hands over: then a timer only wakes us
constexpr std::string_view area = "tak";

}  // namespace

std::uint64_t TakCounters::not_carried_total() const {
  std::uint64_t out = 0;
  for (const auto count : not_carried) out += count;
  return out;
}

TakServer::TakServer(net::EventLoop& loop, const Clock& clock, const TakOptions& options, TakOutput output)
    : loop_(loop),
      clock_(clock),
      options_(options),
      output_(std::move(output)),
      state_(options.limits.state),
      alive_(std::make_shared<bool>(true)) {}

TakServer::~TakServer() {
  stop();
  *alive_ = false;
}

Result<std::monostate, net::NetError> TakServer::start() {
  const auto& limits = options_.limits;
  const net::ListenerLimits listener_limits{.connections_max = limits.clients_max,
                                            .connection = {.queue_bytes_max = limits.queue_bytes_max,
                                                           .idle_max = limits.idle_max,
                                                           .write_stall_max = limits.write_stall_max,
                                                           .coalesce = limits.coalesce}};
  auto listener = net::listen(loop_, options_.at, listener_limits,
                              [this](std::shared_ptr<net::Connection> connection) { welcome(std::move(connection)); });
  if (!listener) return failure(listener.error());
  listener_ = std::move(*listener);
  fanout_ = net::make_fanout(loop_, limits.coalesce);
  log::info(area, "listening for TAK clients", {{"address", options_.at.host}, {"port", listener_->port()}});
  return std::monostate{};
}

void TakServer::stop() {
  listener_.reset();
  sweep_timer_.reset();
  batch_timer_.reset();
  report_timer_.reset();
  for (const auto& client : std::exchange(clients_, {})) {
    client->closed = true;
    client->connection->close();
  }
  connections_.clear();
  by_uid_.clear();
}

std::uint16_t TakServer::port() const { return listener_ ? listener_->port() : options_.at.port; }

TakStatus TakServer::status() const {
  return {.listening = listener_ != nullptr,
          .address = net::Endpoint{options_.at.host, port()}.text(),
          .clients = clients_.size(),
          .refused_connections = listener_ ? listener_->refused() : 0,
          .kept = state_.size(),
          .kept_bytes = state_.bytes(),
          .last_received = last_received_,
          .counters = counters_};
}

// Connections -----------------------------------------------------------------------------------------------------

void TakServer::welcome(std::shared_ptr<net::Connection> connection) {
  auto client = std::make_shared<Client>(options_.limits.allowance);
  client->connection = std::move(connection);
  client->last_event = clock_.now().steady;
  clients_.push_back(client);
  connections_.push_back(client->connection.get());
  log::debug(area, "a client connected", {{"peer", client->connection->peer()}});
  const std::weak_ptr<Client> weak = client;
  client->connection->start({.on_bytes =
                                 [this, weak](ByteView bytes) {
                                   if (const auto self = weak.lock()) receive(self, bytes);
                                 },
                             .on_close =
                                 [this, weak](const std::string& why) {
                                   if (const auto self = weak.lock()) part(self, why);
                                 },
                             .on_drained =
                                 [this, weak] {
                                   if (const auto self = weak.lock()) catch_up(*self);
                                 }});
  if (paused_) client->connection->pause_reading(true);
  if (!sweep_timer_) {
    state_.expire(client->last_event);
    sweep_timer_ = loop_.every(sweep_period, [this] { sweep(); });
  }
  stirred();
  fanout_->join(*client->connection);
  catch_up(*client);
}

// By our own decision; the reason goes into the log.
void TakServer::close(const ClientPtr& client, const std::string& why) {
  if (client->closed) return;
  log::warn(area, "closed a client", {{"peer", client->connection->peer()}, {"uid", client->uid}, {"reason", why}});
  client->connection->close();
  part(client, why);
}

void TakServer::part(const ClientPtr& client, const std::string& why) {
  if (client->closed) return;
  client->closed = true;
  std::erase(clients_, client);
  std::erase(connections_, client->connection.get());
  stirred();
  log::info(area, "a client left", {{"peer", client->connection->peer()}, {"uid", client->uid}, {"reason", why}});
  const auto own = by_uid_.find(client->uid);
  if (own == by_uid_.end() || own->second != client.get()) return;
  by_uid_.erase(own);
  const auto bye = cot::write_delete(client->uid, client->type, cot::Deletion::Gone, clock_.now().utc);
  deliver_to_others(nullptr, {client->uid, std::make_shared<const Bytes>(bye), Urgency::Ordinary, false});
  fanout_->end_turn();
}

void TakServer::stirred() const {
  if (output_.on_activity) output_.on_activity();
}

void TakServer::sweep() {
  if (clients_.empty()) return sweep_timer_.reset();  // what runs out meanwhile goes when somebody comes
  const auto now = clock_.now().steady;
  state_.expire(now);
  const auto all = clients_;
  for (const auto& client : all) {
    if (paused_) client->last_event = now;  // the silence is our own
    if (now - client->last_event > options_.limits.silent_max) close(client, "no event for too long");
  }
}

void TakServer::pause_all(bool pause) {
  if (paused_ == pause) return;
  paused_ = pause;
  if (pause) log::warn(area, "clients wait: the node does not take reports", {{"waiting", reports_.size()}});
  for (const auto& client : clients_) client->connection->pause_reading(pause);
}

// Receiving -------------------------------------------------------------------------------------------------------

void TakServer::receive(const ClientPtr& client, ByteView bytes) {
  const auto now = clock_.now();
  while (!client->closed) {
    const auto cut = client->framer.next(bytes);
    if (!cut) break;
    if (const auto* frame = std::get_if<cot::Frame>(&*cut)) {
      receive_frame(client, *frame, now);
    } else {
      const auto& fault = std::get<cot::Fault>(*cut);
      count_fault(client, fault, fault.offset);
    }
  }
  hand_over_reports();
  fanout_->end_turn();
  stirred();
}

void TakServer::count_fault(const ClientPtr& client, const cot::Fault& fault, std::uint64_t offset) {
  ++counters_.malformed;
  if (fault.kind == cot::FaultKind::BadType) ++counters_.bad_type;
  ++client->faults;
  log::warn(area, "refused an event",
            {{"peer", client->connection->peer()},
             {"uid", client->uid},
             {"offset", offset},
             {"fault", cot::name_of(fault.kind)},
             {"reason", cot::describe(fault)}});
  if (client->faults >= options_.limits.faults_max) close(client, "too many malformed events");
}

void TakServer::count_not_carried(const Client& client, const cot::Envelope& envelope) {
  const auto reason = *envelope.not_carried;
  ++counters_.not_carried[static_cast<std::size_t>(reason)];
  log::warn(area, "not carried: Airbridge is civil",
            {{"peer", client.connection->peer()},
             {"uid", envelope.uid.str()},
             {"type", envelope.type.str()},
             {"reason", cot::name_of(reason)}});
}

bool TakServer::is_allowed(Client& client, std::string_view uid, Category category, SteadyTime now) {
  const auto verdict = client.allowance.take(uid, is_urgent(category), now);
  if (verdict == Allowance::Verdict::Ok) return true;
  const bool is_fast = verdict == Allowance::Verdict::TooFast;
  ++(is_fast ? counters_.too_fast : counters_.too_many_uids);
  log::warn(area, is_fast ? "a client sends too much: not taken" : "a client speaks of too many objects: not taken",
            {{"peer", client.connection->peer()}, {"client", client.uid}, {"uid", uid}});
  return false;
}

void TakServer::receive_frame(const ClientPtr& client, const cot::Frame& frame, Now now) {
  const auto envelope = cot::scan(frame.xml);
  if (!envelope) return count_fault(client, envelope.error(), frame.offset);
  if (envelope->not_carried) return count_not_carried(*client, *envelope);
  if (envelope->marti_count == 0 && !envelope->has_military_medevac && cot::is_position_report(*envelope)) {
    ++counters_.received;
    last_received_ = now.utc;
    client->last_event = now.steady;
    if (!is_allowed(*client, envelope->uid.raw, Category::Other, now.steady)) return;
    return accept_position(client, frame.xml, *envelope, now);
  }
  const auto event = cot::parse(frame.xml, *envelope);
  if (!event) return count_fault(client, event.error(), frame.offset);
  ++counters_.received;
  last_received_ = now.utc;
  client->last_event = now.steady;
  switch (event->category) {
    case Category::Ping:
      ++counters_.pings;
      client->connection->send(cot::write_pong(now.utc));
      return;
    case Category::Pong:
    case Category::Control:  // between a client and its server
      return;
    default:
      if (!is_allowed(*client, event->uid, event->category, now.steady)) return;
      return accept(client, *event, frame.xml, *envelope, now);
  }
}

// The first position a device reports of itself names the session.
void TakServer::identify(const ClientPtr& client, const cot::Envelope& envelope) {
  if (!envelope.has_contact) return;
  if (client->uid.empty()) {
    if (!envelope.has_platform && !envelope.has_endpoint) return;
    client->uid = envelope.uid.str();
    auto& session = by_uid_[client->uid];
    const auto* old = std::exchange(session, client.get());  // before the old one parts, so that nobody is told it went
    if (old != nullptr) {
      ++counters_.replaced_sessions;
      const auto at =
          std::find_if(clients_.begin(), clients_.end(), [old](const auto& other) { return other.get() == old; });
      if (at != clients_.end()) close(ClientPtr(*at), "a new session of the same uid replaces it");
    }
    log::info(area, "a client named itself",
              {{"peer", client->connection->peer()}, {"uid", client->uid}, {"callsign", envelope.callsign.str()}});
  }
  if (envelope.uid.raw == client->uid || envelope.uid.str() == client->uid) {
    client->callsign = envelope.callsign.str();
    client->type = envelope.type.str();
  }
}

// The way of nearly every event: a position for all. Nothing is read here that routing does not need.
void TakServer::accept_position(const ClientPtr& client, ByteView raw, const cot::Envelope& envelope, Now now) {
  identify(client, envelope);
  const auto xml = with_declaration(raw);
  const auto uid = envelope.uid.str();
  keep_position(uid, envelope, xml, now.steady);
  deliver_to_others(client.get(), {uid, xml, Urgency::Ordinary, true});
  observe(*client, uid, xml, now);
}

void TakServer::accept(const ClientPtr& client, const cot::Event& event, ByteView raw, const cot::Envelope& envelope,
                       Now now) {
  if (cot::is_position_report(event)) identify(client, envelope);
  const auto xml = with_declaration(cot::scrub(raw, envelope));
  Origin origin{client->name(), now.utc, *xml};
  if (event.category == Category::Delete) return accept_delete(client, event, xml, origin);

  // Addressed events keep their address for the node, so that another node's gateway routes them alike.
  net::SharedBytes addressed;
  bool changed = true;
  if (event.dests.empty()) {
    changed = keep(event, xml, now.steady);
  } else {
    addressed = with_declaration(cot::strip_military_medevac(raw));
    origin.xml = *addressed;
  }
  route(client.get(), event,
        {event.uid, xml, is_urgent(event.category) ? Urgency::Urgent : Urgency::Ordinary,
         event.dests.empty() && is_kept(event.category)});
  if (cot::is_position_report(event)) return observe(*client, event.uid, addressed ? addressed : xml, now);
  report(event, origin, changed);
}

void TakServer::accept_delete(const ClientPtr& client, const cot::Event& event, const net::SharedBytes& xml,
                              const Origin& origin) {
  const auto uid = target_of(event);
  const auto* kept = state_.find(uid);
  // Of what is not kept, a position or an object of long ago, the node knows whether it has a record.
  const bool is_object = kept == nullptr || kept->retention == Retention::Object;
  const auto record = kept == nullptr ? model::RecordKind::Site : record_of(kept->category);
  state_.erase(uid);
  route(client.get(), event, {uid, xml, Urgency::Ordinary, event.dests.empty(), true});
  if (is_object && record && !by_uid_.contains(uid))
    reports_.push_back({uid, client->callsign, Category::Delete, {deletion_of(uid, *record, origin)}});
}

void TakServer::report(const cot::Event& event, const Origin& origin, bool changed) {
  if (!changed) {
    ++counters_.repeated;
    return;
  }
  auto drafts = to_drafts(event, origin);
  if (drafts.empty()) return;
  const auto callsign = event.contact ? event.contact->callsign : std::string();
  reports_.push_back({event.uid, callsign, event.category, std::move(drafts)});
}

// Handed over in passing when the batch is old enough; the timer is for when nothing more comes.
void TakServer::observe(const Client& client, std::string_view uid, net::SharedBytes xml, Now now) {
  const auto& limits = options_.limits;
  if (uid.starts_with(own_uid_prefix)) return;  // what the node told, come back
  if (heard_.empty()) heard_since_ = now.steady;
  heard_.push_back({std::move(xml), client.name(), now.utc});
  if (heard_.size() >= limits.batch_max || now.steady - heard_since_ >= limits.batch_span)
    return hand_over_observations();
  if (!batch_timer_) {
    batch_timer_ = loop_.every(batch_timer_spans * limits.batch_span, [this] {
      if (heard_.empty()) batch_timer_.reset();
      if (clock_.now().steady - heard_since_ >= options_.limits.batch_span) hand_over_observations();
    });
  }
}

void TakServer::hand_over_observations() {
  std::vector<model::Observation> batch;
  batch.reserve(heard_.size());
  for (const auto& heard : heard_) {
    const auto event = cot::parse(*heard.xml);
    if (!event) continue;  // cannot be: it was scanned
    batch.push_back(to_observation(*event, {heard.source, heard.received, *heard.xml}));
  }
  heard_.clear();
  if (output_.on_observations && !batch.empty()) output_.on_observations(std::move(batch));
}

void TakServer::hand_over_reports() {
  if (reports_.empty()) return;
  if (!output_.on_reports || output_.on_reports(reports_)) {
    reports_.clear();
    report_timer_.reset();
    pause_all(false);
    return;
  }
  if (reports_.size() > options_.limits.reports_waiting_max) pause_all(true);
  if (!report_timer_) report_timer_ = loop_.every(report_retry, [this] { hand_over_reports(); });
}

}  // namespace airbridge::gateway::tak
