#include "api/live.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

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

LiveHub::LiveHub(net::EventLoop& loop, const Clock& clock, Backend& backend, const LiveLimits& limits)
    : loop_(loop),
      clock_(clock),
      backend_(backend),
      limits_(limits),
      picture_(backend.picture()),
      status_(backend.status()) {
  // An epoch names this life of the node: sequence numbers begin anew with it.
  const auto now = ms_of(clock.now().utc);
  const auto steady = clock.now().steady.time_since_epoch().count();
  epoch_ = to_hex(blake2b<8>({status_->node.id.view(), as_bytes(fmt::format("{} {}", now, steady))}));
  status_text_ = to_text(status_json(*status_));
}

LiveHub::~LiveHub() {
  for (auto& client : clients_) {
    if (!client->gone) client->session->close(net::close_code::going_away, "the node stops");
  }
}

NameOf LiveHub::names() const {
  return [roster = &picture_->roster()](const model::KeyId& id) { return roster->name_of(id); };
}

namespace {
std::uint64_t seq_of(std::uint64_t held) { return held; }
template <class Reported>
std::uint64_t seq_of(const Reported& reported) {
  return reported.seq;
}

// Of which events of a stream it changed who holds them: those with numbers over the one and up to the other.
struct Moved {
  std::uint64_t over = UINT64_MAX, up_to = 0;

  template <class Table>
  void note(const Table& now, const Table& then, const model::StreamId& stream) {
    static const typename Table::mapped_type nobody;
    const auto row = now.find(stream), old = then.find(stream);
    const auto& by_now = row == now.end() ? nobody : row->second;
    const auto& by_then = old == then.end() ? nobody : old->second;
    for (const auto& [node, held] : by_now) {
      const auto known = by_then.find(node);
      if (known == by_then.end()) {
        note(0, seq_of(held));
      } else if (known->second != held) {
        const auto a = seq_of(held), b = seq_of(known->second);
        note(a == b ? 0 : std::min(a, b), std::max(a, b));  // equal: told by another node now
      }
    }
    for (const auto& [node, held] : by_then) {
      if (!by_now.contains(node)) note(0, seq_of(held));
    }
  }

 private:
  void note(std::uint64_t from, std::uint64_t to) {
    over = std::min(over, from);
    up_to = std::max(up_to, to);
  }
};
}  // namespace

// What was saved here only may now be saved on others too: those records are told again.
void LiveHub::add_saved_elsewhere(const Status& before, std::vector<model::EntityId>& changed) const {
  const std::set<model::EntityId> known(changed.begin(), changed.end());
  const bool all = status_->posts != before.posts;
  std::map<model::StreamId, Moved> moved;  // asked once for each stream, not for each record
  const auto has_moved = [&](const model::Dot& dot) {
    const auto [at, fresh] = moved.try_emplace(dot.stream());
    if (fresh) {
      at->second.note(*status_->held, *before.held, dot.stream());
      at->second.note(*status_->reported, *before.reported, dot.stream());
    }
    return at->second.over < dot.seq && dot.seq <= at->second.up_to;
  };
  const auto names = this->names();
  const auto records = picture_->entities();
  records.for_each_row([&](const picture::EntityRow& row) {
    const auto is_touched = [&] {
      const auto dots = records.brief(row).dots;
      return std::any_of(dots.begin(), dots.end(), has_moved);
    };
    if (known.contains(row.id) || !(all || is_touched())) return;
    const auto entity = records.view(row);
    if (saved_of(*entity, *status_, names) != saved_of(*entity, before, names)) changed.push_back(row.id);
  });
}

void LiveHub::look() {
  const auto picture = backend_.picture();
  const auto status = backend_.status();
  Step step;
  bool gap = false;
  deltas_.clear();
  if (picture->seq() != picture_->seq()) {
    const auto changes = picture->changes_since(picture_->seq());
    picture_ = picture;
    gap = !changes;
    if (changes) {
      step.entities = changes->entities;
      step.entities.insert(step.entities.end(), changes->removed_entities.begin(), changes->removed_entities.end());
      step.tracks = changes->tracks;
      step.tracks.insert(step.tracks.end(), changes->removed_tracks.begin(), changes->removed_tracks.end());
    }
  }
  if (status != status_) {
    const auto before = std::exchange(status_, status);
    if (!gap &&
        (status->held != before->held || status->reported != before->reported || status->posts != before->posts))
      add_saved_elsewhere(*before, step.entities);
    auto text = to_text(status_json(*status_));
    if (text != status_text_) {
      status_text_ = std::move(text);
      step.status = true;
    }
  }
  if (!gap && step.entities.empty() && step.tracks.empty() && !step.status) return;
  step.seq = ++seq_;
  if (gap) {
    // What changed cannot be said, so no step leads here: whoever has an older number takes everything anew.
    log::info(area, "the picture moved on further than its changes are kept; pages take it anew", {{"seq", seq_}});
    steps_.clear();
    resumable_from_ = seq_;
    return;
  }
  steps_.push_back(std::move(step));
  while (steps_.size() > limits_.steps_max) {
    resumable_from_ = steps_.front().seq;
    steps_.pop_front();
  }
}

std::string LiveHub::snapshot() {
  look();
  std::string out =
      fmt::format(R"({{"epoch":"{}","seq":{},"server_ms":{},"entities":[)", epoch_, seq_, ms_of(clock_.now().utc));
  const auto names = this->names();
  for (bool first = true; const auto* row : picture_->entities().sorted_rows()) {
    if (!std::exchange(first, false)) out += ',';
    const auto entity = picture_->entities().view(*row);
    out += to_text(entity_json(*entity, saved_of(*entity, *status_, names), status_->incident.exercise, names));
  }
  out += R"(],"tracks":[)";
  for (bool first = true; const auto* track : picture_->tracks().sorted()) {
    if (!std::exchange(first, false)) out += ',';
    out += to_text(track_json(*track, names));
  }
  out += R"(],"status":)" + status_text_ + "}";
  return out;
}

std::shared_ptr<LiveBatch> LiveHub::whole() {
  // Pages that come within a few seconds, as after a restart, share one; what changed meanwhile follows as a delta.
  if (!whole_ || whole_->seq() < resumable_from_ || seq_ - whole_->seq() > limits_.steps_shared_max) {
    if (whole_) whole_->retire();
    whole_ = LiveBatch::whole(state(), epoch_, limits_.part_bytes);
  }
  return whole_;
}

std::shared_ptr<LiveBatch> LiveHub::delta_since(std::uint64_t from) {
  auto& made = deltas_[from];
  if (made) return made;
  std::set<model::EntityId> entities, tracks;
  LiveBatch::Changed changed;
  for (auto step = steps_.rbegin(); step != steps_.rend() && step->seq > from; ++step) {
    entities.insert(step->entities.begin(), step->entities.end());
    tracks.insert(step->tracks.begin(), step->tracks.end());
    changed.status = changed.status || step->status;
  }
  changed.from = from;
  changed.entities.assign(entities.begin(), entities.end());
  changed.tracks.assign(tracks.begin(), tracks.end());
  changed.now = clock_.now().utc;
  made = LiveBatch::delta(state(), changed, limits_.part_bytes);
  return made;
}

// Sends the parts for which there is room; the rest goes when those have left.
void LiveHub::push(Client& client, SteadyTime now) {
  while (client.batch && !client.gone && client.session->queued_bytes() <= limits_.unread_bytes_max) {
    const auto frame = client.batch->part(client.part);
    if (!frame) {
      client.seq = client.batch->seq();
      client.batch.reset();
      return;
    }
    switch (client.session->send_frame(frame)) {
      case net::Sent::Queued:
        break;
      case net::Sent::Dropped:
        // The queue was nearly empty, so this one message is larger than all of it. Never count it as sent.
        log::error(
            area, "a message to a page is larger than its send queue",
            {{"peer", client.session->peer()}, {"bytes", frame->size()}, {"queue_bytes_max", limits_.queue_bytes_max}});
        client.session->close(net::close_code::try_again_later, "one record is too large to be sent");
        client.gone = true;
        return;
      case net::Sent::Closed:
        return;  // on_close says so
    }
    client.last_sent = now;
    ++client.part;
  }
}

void LiveHub::serve(Client& client, SteadyTime now) {
  if (client.gone || client.session->queued_bytes() > limits_.unread_bytes_max) return;
  if (client.batch) return push(client, now);
  if (client.seq == seq_) {
    if (now - client.last_sent < live_beat) return;
    client.last_sent = now;
    client.session->send_text(
        fmt::format(R"({{"type":"beat","seq":{},"server_ms":{}}})", seq_, ms_of(clock_.now().utc)));
    return;
  }
  client.batch = client.seq >= resumable_from_ ? delta_since(client.seq) : whole();
  client.part = 0;
  push(client, now);
}

void LiveHub::tick() {
  look();
  const auto now = clock_.now().steady;
  for (auto& client : clients_) serve(*client, now);
  clients_.remove_if([](const auto& client) { return client->gone; });
  if (whole_ && whole_.use_count() == 1) whole_.reset();
  if (clients_.empty()) timer_.reset();  // the next client's look() takes in what changes until then
}

void LiveHub::accept(const net::HttpRequest& request, const net::Responder& responder) {
  if (clients_.size() >= limits_.clients_max) {
    responder(net::http_error(503, "too_many_clients",
                              fmt::format("{} pages are open already; close one", limits_.clients_max)));
    return;
  }
  look();
  auto client = std::make_unique<Client>();
  auto* raw = client.get();
  net::WebSocketSession::Handlers handlers;
  handlers.on_text = [](std::string_view) {};  // clients speak through POST; what they say here is ignored
  handlers.on_close = [raw](std::uint16_t, std::string_view) { raw->gone = true; };
  handlers.on_drained = [this, raw] { push(*raw, clock_.now().steady); };
  net::WebSocketLimits limits;
  limits.queue_bytes_max = limits_.queue_bytes_max;
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
  client->session->send_text(to_text(hello));
  log::debug(area, "a page opened the live picture",
             {{"peer", client->session->peer()}, {"clients", clients_.size() + 1}});
  clients_.push_back(std::move(client));
  if (!timer_) timer_ = loop_.every(live_tick, [this] { tick(); });
  serve(*raw, clock_.now().steady);
}

}  // namespace airbridge::api
