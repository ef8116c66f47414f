#include "peers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/log.hpp"
#include "home.hpp"
#include "sync/heard.hpp"

namespace airbridge::app {
namespace {
constexpr std::string_view area = "peers";

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;
}  // namespace

Peers::Peers(net::EventLoop& loop, const Clock& clock, const sync::Config& config, const sync::LogView& log,
             Handlers handlers, std::size_t queue_bytes_max)
    : loop_(loop),
      clock_(clock),
      handlers_(std::move(handlers)),
      queue_bytes_max_(queue_bytes_max),
      node_(config.node),
      core_(config, log) {}

Peers::~Peers() { stop(); }

net::ConnectionLimits Peers::link_limits() const {
  net::ConnectionLimits limits;
  limits.queue_bytes_max = queue_bytes_max_;
  return limits;
}

void Peers::keep_heard_in(std::filesystem::path file) {
  heard_file_ = std::move(file);
  saving_ = std::make_unique<LoopThread>();
  heard_timer_ = loop_.every(heard_every, [this] { keep_heard(); });
  if (std::error_code error; !std::filesystem::exists(heard_file_, error)) return;
  const auto text = read_file(heard_file_, sync::heard_bytes_max);
  std::string why;
  if (!text) {
    why = text.error().text;
  } else if (const auto known = core_.recall(as_bytes(*text)); !known) {
    why = known.error();
  }
  if (why.empty()) return;
  log::warn(area, "what was heard of other nodes before cannot be used; it is heard anew when they are met",
            {{"file", heard_file_.string()}, {"why", why}});
}

void Peers::keep_heard() {
  auto heard = core_.heard();
  if (heard == heard_kept_) return;
  heard_kept_ = heard;
  saving_->loop().post([file = heard_file_, heard = std::move(heard)] {
    if (const auto written = write_file(file, as_text(heard), 0600); !written)
      log::warn(area, "what is heard of other nodes is not kept over a restart", {{"why", written.error().text}});
  });
}

Result<std::uint16_t, net::NetError> Peers::listen(const net::Endpoint& at) {
  net::ListenerLimits limits;
  limits.connections_max = peer_connections_max;
  limits.connection = link_limits();
  auto listener = net::listen(loop_, at, limits, [this](std::shared_ptr<net::Connection> connection) {
    sync::LinkProfile profile;
    profile.address = connection->peer();
    const auto peer = core_.connect(profile, now());
    if (peer == 0) {
      log::warn(area, "turned a node away: too many links are open", {{"peer", connection->peer()}});
      connection->close();
      return;
    }
    auto* raw = connection.get();
    open(peer, Link{connection, SIZE_MAX, raw});
    raw->start({.on_bytes =
                    [this, peer](ByteView bytes) {
                      core_.receive(peer, bytes, now());
                      settle();
                    },
                .on_close = [this, peer](const std::string& why) { lose(peer, why); },
                .on_drained =
                    [this, peer] {
                      core_.drained(peer, now());
                      settle();
                    }});
    if (is_trouble(profile.address)) rest(peer, caller_wait);
    settle();
  });
  if (!listener) return failure(listener.error());
  listener_ = std::move(*listener);
  return listener_->port();
}

void Peers::connect(const PeerAddress& address, const std::filesystem::path& meters) {
  const auto index = dialers_.size();
  net::LastingOptions options;
  options.to = address.to;
  options.limits = link_limits();
  options.wait_max = Milliseconds(10'000);
  options.seed = static_cast<std::uint64_t>(ms_of(clock_.now().utc)) + index;
  net::LastingConnection::Handlers handlers;
  handlers.on_connected = [this, index, address](net::Connection& connection) {
    sync::LinkProfile profile;
    profile.address = connection.peer();
    profile.dialed = true;
    profile.bearer = address.bearer;
    profile.cost = address.cost;
    profile.heartbeat = address.heartbeat;
    if (auto& meter = dialers_[index].meter) profile.budget = meter->left(now().utc);
    const auto peer = core_.connect(profile, now());
    dialers_[index].peer = dialers_[index].last_peer = peer;
    if (peer == 0) {
      dialers_[index].link->drop("too many links are open");
      return;
    }
    open(peer, Link{nullptr, index, &connection});
    settle();
  };
  handlers.on_bytes = [this, index](ByteView bytes) {
    spend(index, bytes.size());
    core_.receive(dialers_[index].peer, bytes, now());
    settle();
  };
  handlers.on_drained = [this, index] {
    core_.drained(dialers_[index].peer, now());
    settle();
  };
  handlers.on_lost = [this, index](const std::string& why) {
    const auto peer = std::exchange(dialers_[index].peer, sync::PeerId{0});
    if (peer != 0) lose(peer, why);
  };
  dialers_.push_back({});
  dialers_.back().bearer = address.bearer;
  if (address.budget_bytes_per_day) {
    // One contract may reach several nodes: what they spend of it is counted together, the budget named first holds.
    const auto same = std::ranges::find_if(
        dialers_, [&](const auto& other) { return other.meter != nullptr && other.bearer == address.bearer; });
    dialers_.back().meter = same != dialers_.end() ? same->meter
                                                   : std::make_shared<Meter>(meters / (address.bearer + ".spent"),
                                                                             *address.budget_bytes_per_day, now().utc);
    if (budget_timer_ == nullptr) renew_budgets();
  }
  dialers_.back().link = std::make_unique<net::LastingConnection>(loop_, options, std::move(handlers));
  dialers_.back().link->start();
}

Result<void, std::string> Peers::open_bearers(BearersSetup setup) {
  bearers_ = std::make_unique<Bearers>(loop_, clock_, core_, std::move(setup), [this] { settle(); });
  auto started = bearers_->start();
  if (!started) bearers_.reset();
  return started;
}

void Peers::set_members(const std::vector<model::KeyId>& members) {
  if (bearers_) bearers_->set_members(members);
}

// What leaves and what comes in both count, each piece with the heads TCP and IP put before it.
void Peers::spend(std::size_t dialer, std::size_t bytes) {
  constexpr std::size_t tcp_ip_head_bytes = 60;
  if (auto& meter = dialers_[dialer].meter) meter->add(bytes + tcp_ip_head_bytes, now().utc);
}

void Peers::renew_budgets() {
  const auto at = now().utc;
  for (auto& dialer : dialers_) {
    if (dialer.meter && dialer.peer != 0) core_.set_budget(dialer.peer, dialer.meter->left(at), now());
  }
  budget_timer_ = loop_.after(budget_every, [this] {
    if (!stopping_) renew_budgets();
  });
  settle();
}

void Peers::open(sync::PeerId peer, Link link) { links_[peer] = std::move(link); }

void Peers::lose(sync::PeerId peer, const std::string& why) {
  links_.erase(peer);
  core_.disconnect(peer, why, now());
  settle();
}

// Ends the link from here: the connection with it, and a dialer dials again.
void Peers::cut(sync::PeerId peer, const std::string& why) {
  const auto found = links_.find(peer);
  if (found == links_.end()) return;
  const auto link = found->second;
  log::warn(area, "cutting a link", {{"why", why}});
  if (link.dialer != SIZE_MAX) return dialers_[link.dialer].link->drop(why);  // and loses it
  link.connection->close();
  lose(peer, why);
}

void Peers::came(const sync::PeerUp& up) {
  log::info(area, "linked to a node", {{"name", up.name}, {"node", up.node.hex()}, {"peer", up.address}});
  if (const auto link = links_.find(up.peer); link != links_.end()) link->second.node = up.node;
  up_[up.peer] = up.name.empty() ? up.node.hex() : up.name;
  lost_.found(up.node);
  for (auto& dialer : dialers_) {
    if (dialer.peer != up.peer) continue;
    dialer.refusals = 0;
    dialer.name = up.name;
    dialer.node = up.node;
  }
}

// Was this not said of the same machine lately? Ports of callers change, so they do not count.
bool Peers::is_news(std::string_view address, std::string_view what) {
  const auto at = now().steady;
  const auto key = fmt::format("{} {}", address.substr(0, address.rfind(':')), what);
  if (const auto found = said_.find(key); found != said_.end() && at < found->second + said_again_after) return false;
  if (said_.size() >= said_kept_max) {
    said_.erase(
        std::min_element(said_.begin(), said_.end(), [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  said_[key] = at;
  return true;
}

// Stops reading from a link for a while; what comes waits at the sender (its system's and ours).
void Peers::rest(sync::PeerId peer, Milliseconds span) {
  const auto link = links_.find(peer);
  if (link == links_.end()) return;
  link->second.out->pause_reading(true);
  link->second.rest = loop_.after(span, [this, peer] {
    const auto rested = links_.find(peer);
    if (rested == links_.end()) return;
    rested->second.out->pause_reading(false);
  });
}

bool Peers::is_trouble(std::string_view address) const {
  const auto found = troubles_.find(std::string(address.substr(0, address.rfind(':'))));
  return found != troubles_.end() && now().steady < found->second + trouble_lasts;
}

// What was refused, under the name of who sent it: a link that is closed for it is gone by now.
void Peers::note_misdeed(const sync::Refused& refused) {
  const auto at = now().steady;
  std::string who = refused.address.substr(0, refused.address.rfind(':'));
  const auto oldest = [](const auto& a, const auto& b) { return a.second < b.second; };
  if (!troubles_.contains(who) && troubles_.size() >= troubles_kept_max)
    troubles_.erase(std::min_element(troubles_.begin(), troubles_.end(), oldest));
  troubles_[who] = at;
  if (const auto up = up_.find(refused.peer); up != up_.end()) who = up->second;
  if (!misdeeds_.contains(who) && misdeeds_.size() >= misdeeds_kept_max) {
    misdeeds_.erase(std::min_element(misdeeds_.begin(), misdeeds_.end(),
                                     [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
  }
  auto& misdeeds = misdeeds_[who];
  if (at >= misdeeds.at + misdeed_shown_for) misdeeds.count = 0;
  ++misdeeds.count;
  misdeeds.last = refused.what;
  misdeeds.at = at;
}

void Peers::add_misdeeds(std::vector<std::string>& problems) const {
  std::vector<const std::pair<const std::string, Misdeeds>*> shown;
  for (const auto& misdeeds : misdeeds_) {
    if (now().steady < misdeeds.second.at + misdeed_shown_for) shown.push_back(&misdeeds);
  }
  std::ranges::sort(shown, [](const auto* a, const auto* b) { return a->second.count > b->second.count; });
  if (shown.size() > misdeeds_named_max) shown.resize(misdeeds_named_max);
  for (const auto* one : shown) {
    const auto& misdeeds = one->second;
    problems.push_back(fmt::format("{} sent what is not taken, {} lately; the last was {}", one->first,
                                   misdeeds.count == 1 ? "once" : fmt::format("{} times", misdeeds.count),
                                   misdeeds.last));
  }
}

std::vector<Peers::Doubt> Peers::doubtful() const {
  std::map<std::string, Doubt> by_node;  // several links to one node say the same
  std::map<std::string, std::set<model::StreamId>> streams;
  const auto beyond = [](const sync::DoubtfulClaim& claim) { return claim.claimed - claim.here; };
  for (const auto& [peer, claim] : core_.doubtful()) {
    const auto up = up_.find(peer);
    if (up == up_.end()) continue;
    streams[up->second].insert(claim.stream);
    auto& doubt = by_node[up->second];
    if (doubt.who.empty() || beyond(claim) > beyond(doubt.claim)) doubt.claim = claim;
    doubt.who = up->second;
  }
  std::vector<Doubt> out;
  for (auto& [who, doubt] : by_node) {
    doubt.more = streams[who].size() - 1;
    doubt.stands = now().steady - doubt.claim.since;
    out.push_back(std::move(doubt));
  }
  std::ranges::sort(out, [&](const auto& a, const auto& b) { return beyond(a.claim) > beyond(b.claim); });
  if (out.size() > misdeeds_named_max) out.resize(misdeeds_named_max);
  return out;
}

std::vector<std::string> Peers::problems() const {
  std::vector<std::string> out;
  const auto at = now().steady;
  constexpr std::string_view remedy = "stop one of the two, or restore it from a backup without keys and with --join";
  if (own_twin_ && at < own_twin_->met + twin_shown_for)
    out.push_back(
        fmt::format("A second device runs with this node's keys (met at {}): {}", own_twin_->address, remedy));
  if (other_twin_ && at < other_twin_->met + twin_shown_for)
    out.push_back(fmt::format("Two devices run with the keys of {} (one is at {}): {}", other_twin_->name,
                              other_twin_->address, remedy));
  std::set<std::string> spending;
  for (const auto& dialer : dialers_) {
    if (dialer.meter && !dialer.meter->problem().empty()) spending.insert(dialer.meter->problem());
  }
  out.insert(out.end(), spending.begin(), spending.end());
  add_misdeeds(out);
  if (bearers_) {
    for (auto& problem : bearers_->problems()) out.push_back(std::move(problem));
  }
  return out;
}

void Peers::went(const sync::PeerDown& down) {
  up_.erase(down.peer);
  if (down.was_up) {
    log::warn(area, "lost a node", {{"node", down.node->hex()}, {"why", down.why}});
  } else if (is_news(down.address, down.why)) {
    log::warn(area, "a link came to nothing", {{"peer", down.address}, {"why", down.why}});
  }
  if (!down.node) return;
  // A link that ends in its greeting because another to the node is open says at least who is there.
  for (auto& dialer : dialers_) {
    if (dialer.last_peer != down.peer) continue;
    dialer.name = down.name;
    dialer.node = *down.node;
  }
  if (!down.was_up) return;
  const auto clock = now();
  const auto last_heard = clock.utc - (clock.steady - down.last_heard);
  for (auto& dialer : dialers_) {
    if (dialer.node == *down.node) dialer.last_heard = last_heard;
  }
  // Of two links to one node one may go.
  const bool is_linked = std::any_of(links_.begin(), links_.end(), [&](const auto& link) {
    return link.first != down.peer && link.second.node == *down.node;
  });
  if (is_linked || (handlers_.is_member && !handlers_.is_member(*down.node))) return;
  lost_.put(*down.node, {down.name, down.address, last_heard, down.why});
}

void Peers::carry_out(sync::Output output) {
  if (bearers_ && bearers_->heed(output)) return;
  std::visit(
      Overloaded{
          [this](sync::Send& send) {
            const auto link = links_.find(send.peer);
            if (link == links_.end()) return;
            if (link->second.dialer != SIZE_MAX) spend(link->second.dialer, send.bytes.size());
            auto bytes = std::make_shared<const Bytes>(std::move(send.bytes));
            auto* out = link->second.out;
            const auto sent = send.urgent ? out->send_urgent(std::move(bytes)) : out->send(std::move(bytes));
            // A frame lost inside a stream cannot be made good on this connection: begin it anew.
            if (sent == net::Sent::Dropped)
              loop_.post([this, peer = send.peer] { cut(peer, "the send queue is full"); });
          },
          [this](sync::Close& close) {
            const auto link = links_.find(close.peer);
            if (link == links_.end()) return;
            if (link->second.dialer != SIZE_MAX) {
              auto& dialer = dialers_[link->second.dialer];
              dialer.peer = 0;
              if (close.is_refusal) {
                dialer.refusals = std::min(dialer.refusals + 1, 16U);
                dialer.link->hold_off(std::min(refused_wait_max, Milliseconds(1'000) * (1U << dialer.refusals)));
              }
              loop_.post([this, index = link->second.dialer, why = close.why] { dialers_[index].link->drop(why); });
            } else {
              link->second.connection->close_after_sending();
            }
            links_.erase(link);
          },
          [this](sync::Accept& accept) {
            floods_.note(accept.run, now().steady);
            handlers_.on_accept(std::move(accept));
          },
          [](sync::Wanting&) {},
          [this](sync::Rest& wait) { rest(wait.peer, wait.span); },
          [this](sync::SnapshotAsked& asked) {
            if (handlers_.on_snapshot_asked) handlers_.on_snapshot_asked(asked);
          },
          [this](sync::SnapshotCame& came) {
            if (handlers_.on_snapshot) handlers_.on_snapshot(std::move(came));
          },
          [this](sync::LastValue& value) { handlers_.on_observation(value.observation); },
          [this](sync::PeerUp& up) { came(up); },
          [this](sync::PeerDown& down) { went(down); },
          [this](sync::ForkFound& fork) { handlers_.on_fork(fork); },
          [this](sync::OwnStreamAhead& ahead) { handlers_.on_own_ahead(ahead); },
          [this](sync::TwinFound& twin) {
            const bool is_own = twin.node == node_;
            if (is_news(twin.address, "twin of " + twin.node.hex()))
              log::error(area, "two devices run with the keys of one node",
                         {{"node", twin.node.hex()}, {"peer", twin.address}});
            (is_own ? own_twin_ : other_twin_) = Twin{twin.name, twin.address, now().steady};
          },
          [this](sync::Compared& compared) {
            if (handlers_.on_compared) handlers_.on_compared(compared);
          },
          [this](sync::Refused& refused) {
            note_misdeed(refused);
            if (!is_news(refused.address, refused.what)) return;
            log::warn(area, "refused what a node sent",
                      {{"peer", refused.address}, {"offset", refused.offset}, {"what", refused.what}});
          },
      },
      output);
}

void Peers::settle() {
  if (settling_) return;
  settling_ = true;
  // Carrying out one wish may cause more; the core bounds what it asks for, so this ends.
  bool changed = false;
  for (auto outputs = core_.take_outputs(); !outputs.empty(); outputs = core_.take_outputs()) {
    for (auto& output : outputs) {
      // Heartbeats and frames are no news.
      changed =
          changed || !(std::holds_alternative<sync::Send>(output) || std::holds_alternative<sync::Wanting>(output));
      carry_out(std::move(output));
    }
  }
  settling_ = false;
  if (changed && handlers_.on_change) handlers_.on_change();
  const auto deadline = core_.next_deadline();
  if (!deadline || stopping_) {
    timer_.reset();
    return;
  }
  const auto wait = std::max(Milliseconds(1), *deadline - now().steady);
  timer_ = loop_.after(wait, [this] {
    core_.poll(now());
    settle();
  });
}

void Peers::stop() {
  if (stopping_) return;
  stopping_ = true;
  core_.stop(now());
  settle();
  listener_.reset();
  for (auto& [peer, link] : links_) {
    if (link.connection) link.connection->close_after_sending();
  }
  links_.clear();
  for (auto& dialer : dialers_) dialer.link->stop();
  if (bearers_) bearers_->stop();
  if (!saving_) return;
  heard_timer_.reset();
  keep_heard();
  saving_->call([] {});  // it is written
  saving_.reset();
}

void Peers::durable() {
  core_.durable(now());
  settle();
}
void Peers::accepted(sync::Ticket ticket) {
  core_.accepted(ticket, now());
  settle();
}
void Peers::refused(sync::Ticket ticket) {
  core_.refused(ticket, now());
  settle();
}
void Peers::rejected(sync::Ticket ticket, const std::string& why) {
  core_.rejected(ticket, why, now());
  settle();
}
void Peers::offer_snapshot(sync::PeerId peer, std::shared_ptr<const Bytes> bytes) {
  core_.offer_snapshot(peer, std::move(bytes), now());
  settle();
}

void Peers::last_value(const model::Observation& observation) {
  core_.last_value(observation, now());
  settle();
}

std::vector<std::pair<model::KeyId, std::string>> Peers::compare(const std::string& peer) {
  std::vector<std::pair<model::KeyId, std::string>> asked;
  auto links = core_.peers();
  std::ranges::partition(links, [](const auto& link) { return link.carries; });  // over the link in use
  for (const auto& link : links) {
    if (link.state != sync::PeerState::Up || !link.node) continue;
    const bool wanted = peer.empty() || link.name == peer || link.node->hex().starts_with(peer);
    const bool again = std::ranges::any_of(asked, [&](const auto& one) { return one.first == *link.node; });
    if (wanted && !again && core_.compare_all(link.peer, now())) asked.emplace_back(*link.node, link.name);
  }
  // Whoever asked hears of nothing before it knows whom it asked.
  loop_.post([this] { settle(); });
  return asked;
}

std::shared_ptr<const api::HeldTable> Peers::held(const model::VersionVector& streams) const {
  auto table = std::make_shared<api::HeldTable>();
  std::map<model::KeyId, bool> judged;  // asked once a node, not once a stream
  const auto counts = [&](const model::KeyId& node) {
    const auto [found, is_new] = judged.try_emplace(node, true);
    if (is_new && handlers_.is_member) found->second = handlers_.is_member(node);
    return found->second;
  };
  for (const auto& [stream, seq] : streams) {
    for (const auto& [node, held] : core_.held_by(stream)) {
      if (held > 0 && counts(node)) (*table)[stream][node] = held;
    }
  }
  return table;
}

}  // namespace airbridge::app
