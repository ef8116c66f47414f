#include "api/live.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/hash.hpp"
#include "base/log.hpp"

namespace airbridge::api {
namespace {
constexpr std::string_view area = "api";

std::optional<std::uint64_t> number_in(const std::optional<std::string_view>& text) {
  std::uint64_t value = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || stop != text->data() + text->size()) return std::nullopt;
  return value;
}
}  // namespace

LiveHub::LiveHub(net::EventLoop& loop, const Clock& clock, Backend& backend)
    : loop_(loop), clock_(clock), backend_(backend), picture_(backend.picture()), status_(backend.status()) {
  // An epoch names this life of the node: sequence numbers begin anew with it.
  const auto now = ms_of(clock.now().utc);
  const auto steady = clock.now().steady.time_since_epoch().count();
  epoch_ = to_hex(blake2b<8>({status_->node.id.view(), as_bytes(fmt::format("{} {}", now, steady))}));
  status_text_ = json::serialize(status_json(*status_));
  timer_ = loop_.every(live_tick, [this] { tick(); });
}

LiveHub::~LiveHub() {
  for (auto& client : clients_) {
    if (!client->gone) client->session->close(1001, "the node stops");
  }
}

NameOf LiveHub::names() const {
  return [roster = &picture_->roster()](const model::KeyId& id) { return roster->name_of(id); };
}

void LiveHub::put_entity(std::string& out, const picture::EntityView& entity) {
  auto saved = saved_of(entity, *status_, names());
  out += json::serialize(entity_json(entity, saved, status_->incident.exercise, names()));
  saved_[entity.id] = std::move(saved);
}

void LiveHub::look() {
  const auto picture = backend_.picture();
  const auto status = backend_.status();
  Step step;
  if (picture->seq() != picture_->seq()) {
    const auto changes = picture->changes_since(picture_->seq());
    picture_ = picture;
    if (!changes) {
      steps_.clear();  // everybody takes a snapshot
      step.status = true;
    } else {
      step.entities = changes->entities;
      step.entities.insert(step.entities.end(), changes->removed_entities.begin(), changes->removed_entities.end());
      step.tracks = changes->tracks;
      step.tracks.insert(step.tracks.end(), changes->removed_tracks.begin(), changes->removed_tracks.end());
    }
  }
  if (status != status_) {
    const bool held_changed = status->held != status_->held;
    status_ = status;
    if (held_changed) {
      // What was saved here only may now be saved on others too: tell those entities again.
      const std::set<model::EntityId> known(step.entities.begin(), step.entities.end());
      for (auto& [id, told] : saved_) {
        const auto* entity = picture_->find(id);
        if (entity == nullptr || known.contains(id)) continue;
        if (saved_of(*entity, *status_, names()) != told) step.entities.push_back(id);
      }
    }
    auto text = json::serialize(status_json(*status_));
    if (text != status_text_) {
      status_text_ = std::move(text);
      step.status = true;
    }
  }
  if (step.entities.empty() && step.tracks.empty() && !step.status) return;
  step.seq = ++seq_;
  steps_.push_back(std::move(step));
  if (steps_.size() > live_steps_max) steps_.pop_front();
  deltas_.clear();
  snapshot_frame_.reset();
}

std::string LiveHub::snapshot_text(std::string_view type) {
  std::string out = "{";
  if (!type.empty()) out += fmt::format(R"("type":"{}",)", type);
  out += fmt::format(R"("epoch":"{}","seq":{},"server_ms":{},"entities":[)", epoch_, seq_, ms_of(clock_.now().utc));
  bool first = true;
  for (const auto* entity : picture_->entities().sorted()) {
    if (!first) out += ',';
    first = false;
    put_entity(out, *entity);
  }
  out += R"(],"tracks":[)";
  first = true;
  for (const auto* track : picture_->tracks().sorted()) {
    if (!first) out += ',';
    first = false;
    out += json::serialize(track_json(*track, names()));
  }
  out += R"(],"status":)" + status_text_ + "}";
  return out;
}

std::string LiveHub::snapshot() {
  look();
  return snapshot_text("");
}

net::SharedBytes LiveHub::delta_since(std::uint64_t from) {
  auto& made = deltas_[from];
  if (made) return made;
  std::set<model::EntityId> entities, tracks;
  bool status = false;
  for (auto step = steps_.rbegin(); step != steps_.rend() && step->seq > from; ++step) {
    entities.insert(step->entities.begin(), step->entities.end());
    tracks.insert(step->tracks.begin(), step->tracks.end());
    status = status || step->status;
  }
  std::string changed, removed, moved, lost;
  const auto comma = [](std::string& list) {
    if (!list.empty()) list += ',';
  };
  for (const auto& id : entities) {
    if (const auto* entity = picture_->find(id)) {
      comma(changed);
      put_entity(changed, *entity);
    } else {
      comma(removed);
      removed += '"' + model::to_text(id) + '"';
      saved_.erase(id);
    }
  }
  for (const auto& id : tracks) {
    if (const auto* track = picture_->find_track(id)) {
      comma(moved);
      moved += json::serialize(track_json(*track, names()));
    } else {
      comma(lost);
      lost += '"' + model::to_text(id) + '"';
    }
  }
  auto text = fmt::format(
      R"({{"type":"delta","from":{},"seq":{},"server_ms":{},"entities":[{}],"removed":[{}],"tracks":[{}],"removed_tracks":[{}])",
      from, seq_, ms_of(clock_.now().utc), changed, removed, moved, lost);
  if (status) text += R"(,"status":)" + status_text_;
  text += '}';
  made = net::websocket_text_frame(text);
  return made;
}

void LiveHub::serve(Client& client, SteadyTime now) {
  if (client.session->queued_bytes() > live_unread_max) return;
  if (client.seq == seq_) {
    if (now - client.last_sent < live_beat) return;
    client.last_sent = now;
    client.session->send_text(
        fmt::format(R"({{"type":"beat","seq":{},"server_ms":{}}})", seq_, ms_of(clock_.now().utc)));
    return;
  }
  const bool can_resume =
      client.seq != 0 && client.seq < seq_ && !steps_.empty() && steps_.front().seq <= client.seq + 1;
  if (can_resume) {
    client.session->send_frame(delta_since(client.seq));
  } else {
    if (!snapshot_frame_) snapshot_frame_ = net::websocket_text_frame(snapshot_text("snapshot"));
    client.session->send_frame(snapshot_frame_);
  }
  client.seq = seq_;
  client.last_sent = now;
}

void LiveHub::tick() {
  look();
  const auto now = clock_.now().steady;
  for (auto& client : clients_) {
    if (!client->gone) serve(*client, now);
  }
  clients_.remove_if([](const auto& client) { return client->gone; });
}

void LiveHub::accept(const net::HttpRequest& request, const net::Responder& responder) {
  if (clients_.size() >= live_clients_max) {
    responder(net::http_error(503, "too_many_clients",
                              fmt::format("{} pages are open already; close one", live_clients_max)));
    return;
  }
  look();
  auto client = std::make_unique<Client>();
  auto* raw = client.get();
  net::WebSocketSession::Handlers handlers;
  handlers.on_text = [](std::string_view) {};  // clients speak through POST; what they say here is ignored
  handlers.on_close = [raw](std::uint16_t, std::string_view) { raw->gone = true; };
  net::WebSocketLimits limits;
  limits.queue_bytes_max = std::size_t{64} << 20;  // one snapshot of a very large picture must fit
  client->session = net::accept_websocket(loop_, request, responder, limits, std::move(handlers));
  if (!client->session) return;
  const auto since = number_in(request.query_value("since"));
  if (request.query_value("epoch") == std::optional<std::string_view>(epoch_) && since && *since <= seq_)
    client->seq = *since;
  json::object hello{{"type", "hello"},
                     {"epoch", epoch_},
                     {"seq", seq_},
                     {"server_ms", ms_of(clock_.now().utc)},
                     {"beat_ms", live_beat.count()},
                     {"version", status_->node.version},
                     {"insecure_lab", status_->node.insecure_lab},
                     {"incident", incident_json(status_->incident)},
                     {"node", node_json(status_->node)}};
  client->session->send_text(json::serialize(hello));
  log::debug(area, "a page opened the live picture",
             {{"peer", client->session->peer()}, {"clients", clients_.size() + 1}});
  clients_.push_back(std::move(client));
  serve(*raw, clock_.now().steady);
}

}  // namespace airbridge::api
