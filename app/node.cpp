#include "node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "api/server.hpp"
#include "base/log.hpp"
#include "bundle_routes.hpp"
#include "clock_quality.hpp"
#include "comparer.hpp"
#include "endpoint_rules.hpp"
#include "feeds.hpp"
#include "ledger.hpp"
#include "loop_thread.hpp"
#include "model/cbor.hpp"
#include "node_backend.hpp"
#include "node_status.hpp"
#include "own_place.hpp"
#include "peers.hpp"
#include "shared.hpp"
#include "tak_gateway.hpp"
#include "tiles/tile_routes.hpp"
#include "track_routes.hpp"
#include "version.hpp"

namespace airbridge::app {
namespace {

constexpr Milliseconds publish_every{100};  // at most so often, and for a tenth of the time at most
constexpr Milliseconds publish_rest_max{1'000};
constexpr Milliseconds status_every{1'000};  // at most, while somebody looks or something changes
constexpr Milliseconds status_rest{5'000};   // while nobody does
constexpr Milliseconds asked_for{10'000};    // whoever asked looks for so long

}  // namespace

std::string shown_name(const Home& home, const Config& config) {
  return config.name.empty() ? home.name : model::cbor::clean_text(config.name, trust::grant_name_max);
}

namespace {

api::NodeInfo node_info(const Home& home, const Config& config) {
  return {home.node_key.id(), shown_name(home, config), config.profile, version, config.insecure_lab};
}

std::optional<model::Place> configured_place(const Config& config) {
  if (!config.position_latitude || !config.position_longitude) return std::nullopt;
  model::Place place{*Position::from_degrees(*config.position_latitude, *config.position_longitude), std::nullopt};
  if (config.position_height_m) place.height = EllipsoidHeight(Metres{*config.position_height_m});
  return place;
}

class RunningNode final : public Node {
 public:
  RunningNode(Home home, Config config, const Clock& clock)
      : home_(std::move(home)),
        config_(std::move(config)),
        clock_(clock),
        info_(node_info(home_, config_)),
        own_place_(
            {model::external_name("own", home_.node_key.id().hex()), info_.name, home_.dir, configured_place(config_)},
            clock_, [this](model::Observation&& observation) { take_observation(std::move(observation), false); }) {}

  ~RunningNode() override { stop(); }

  Result<void, std::string> start();
  NodePorts ports() const override { return ports_; }
  void stop() override;

 private:
  void load_maps();
  Result<void, std::string> start_api(const net::Endpoint& at);

  // core thread
  Result<void, std::string> start_core();
  Result<void, std::string> open_ledger();
  Result<void, std::string> start_peers();
  Result<void, std::string> open_bearers();
  void tell_members();
  void start_feeds();
  void take_observation(model::Observation observation, bool from_peer);
  void make_status();
  void plan_status(Milliseconds after_last);
  void publish();
  void stir();
  void plan_publish();

  const Home home_;
  const Config config_;
  const Clock& clock_;
  const api::NodeInfo info_;
  NodePorts ports_;
  Shared<picture::Picture> picture_{std::make_shared<const picture::Picture>()};
  Shared<api::Status> status_{std::make_shared<const api::Status>()};
  Shared<api::ReportedTable> reported_{std::make_shared<const api::ReportedTable>()};
  Shared<api::Comparisons> comparisons_{std::make_shared<const api::Comparisons>()};

  std::vector<std::unique_ptr<tiles::TileSource>> maps_;
  std::unique_ptr<LoopThread> core_, api_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Peers> peers_;
  std::unique_ptr<Comparer> comparer_;
  std::unique_ptr<TakGateway> tak_;
  OwnPlace own_place_;
  std::unique_ptr<Feeds> feeds_;
  std::unique_ptr<NodeStatus> status_maker_;
  std::unique_ptr<NodeBackend> backend_;
  std::unique_ptr<BundleDesk> bundle_desk_;
  std::unique_ptr<LoopThread> bundle_;
  std::unique_ptr<api::Server> server_;
  std::vector<std::shared_ptr<net::EventLoop::Timer>> timers_;
  // Nothing ticks in a node where nothing happens and nobody looks.
  std::shared_ptr<net::EventLoop::Timer> publish_timer_, status_timer_;
  SteadyTime publish_at_{}, status_at_{}, status_due_{};  // not before; the last; the next
  std::size_t packing_ = 0;                               // pictures being made for other nodes
  std::atomic<SteadyTime> status_asked_{SteadyTime{}};    // any thread
  bool ended_ = false;                                    // core thread
  model::ClockQuality clock_quality_ = system_clock_quality();
  std::vector<std::string> start_problems_;
  bool stopped_ = false;
};

// ---- starting -------------------------------------------------------------------------------------------------------

Result<void, std::string> RunningNode::start() {
  load_maps();
  core_ = std::make_unique<LoopThread>();
  Result<void, std::string> started;
  core_->call([&] { started = start_core(); });
  if (!started) return started;

  const auto tak_port = tak_->start(config_);
  if (!tak_port) return failure(tak_port.error());
  ports_.tak = *tak_port;

  const auto http = listen_endpoint("http.listen", config_.http_listen, 8080, config_.insecure_lab);
  if (!http) return failure(http.error());
  core_->call([&] {
    start_feeds();
    publish();
    make_status();
    stir();
  });
  return start_api(*http);
}

void RunningNode::load_maps() {
  for (const auto& file : config_.map_files) {
    auto source = tiles::load_tiles(file);
    if (!source) {
      start_problems_.push_back(file_problem("maps.files", file, source.error().what));
      log::error("maps", "cannot use a map file", {{"why", source.error().what}});
      continue;
    }
    maps_.push_back(std::move(*source));
  }
}

Result<void, std::string> RunningNode::start_core() {
  if (auto opened = open_ledger(); !opened) return opened;
  tak_ = std::make_unique<TakGateway>(
      *core_, *ledger_, clock_, home_.node_key.id(),
      [this](model::Observation&& observation) { take_observation(std::move(observation), false); });
  return start_peers();
}

Result<void, std::string> RunningNode::open_ledger() {
  LedgerOptions options;
  options.disk_free_min_bytes = static_cast<std::uint64_t>(config_.disk_free_min_mib) << 20;
  options.clock_quality = [this] { return clock_quality_; };
  if (config_.profile == "portable") options.fold = picture::portable_fold();
  Ledger::Handlers handlers;
  handlers.on_durable = [this] {
    if (peers_) peers_->durable();
  };
  handlers.on_folded = [this](const std::vector<model::EntityId>& changed) {
    stir();
    if (!tak_ || !tak_->is_on()) return;
    tak_->show(changed);
    publish();
  };
  auto ledger = Ledger::open(home_, core_->loop(), clock_, options, std::move(handlers));
  if (!ledger) return failure(ledger.error());
  ledger_ = std::move(*ledger);
  return {};
}

Result<void, std::string> RunningNode::start_peers() {
  sync::Config sync_config{home_.incident, home_.node_key.id(), info_.name};
  sync_config.incident_name = home_.genesis.name;
  sync_config.run = std::uint64_t{trust::random_u32()} << 32 | trust::random_u32();
  sync_config.is_granted = [this](const model::SealedRun& run) { return ledger_->welcomes(run); };
  Peers::Handlers handlers;
  handlers.on_accept = [this](sync::Accept accept) {
    ledger_->accept(std::move(accept.run), accept.author_key,
                    [this, ticket = accept.ticket](Accepted outcome, const std::string& why) {
                      if (outcome == Accepted::Written) return peers_->accepted(ticket);
                      outcome == Accepted::Refused ? peers_->rejected(ticket, why) : peers_->refused(ticket);
                    });
  };
  handlers.on_observation = [this](const model::Observation& observation) { take_observation(observation, true); };
  handlers.on_fork = [this](const sync::ForkFound& fork) { ledger_->forked(fork.branch); };
  handlers.on_own_ahead = [this](const sync::OwnStreamAhead& ahead) {
    ledger_->begin_incarnation(fmt::format("another node holds {} events of stream {}, this one {}", ahead.there,
                                           model::to_text(ahead.stream), ahead.here));
  };
  sync_config.sends_snapshots = true;
  sync_config.wants_snapshot = [this] { return ledger_->wants_picture(); };
  handlers.on_snapshot_asked = [this](const sync::SnapshotAsked& asked) {
    ++packing_;
    stir();
    ledger_->pack_picture([this, peer = asked.peer](std::shared_ptr<const Bytes> bytes) {
      --packing_;
      if (peers_) peers_->offer_snapshot(peer, std::move(bytes));
    });
  };
  handlers.on_snapshot = [this](sync::SnapshotCame came) {
    ledger_->take_picture(std::move(came.bytes));
    stir();
  };
  handlers.on_change = [this] { plan_status(status_every); };
  handlers.is_member = [this](const model::KeyId& node) {
    const auto picture = picture_.get();
    const auto* member = picture->roster().find(node);
    return member != nullptr && member->granted;
  };
  handlers.on_compared = [this](const sync::Compared& compared) {
    if (comparer_) comparer_->compared(compared);
  };
  peers_ = std::make_unique<Peers>(core_->loop(), clock_, sync_config, ledger_->view(), std::move(handlers));
  comparer_ = std::make_unique<Comparer>(
      Comparer::Parts{core_->loop(), clock_, ledger_->view(), home_.incident, *peers_,
                      [this](const model::KeyId& id) { return picture_.get()->roster().name_of(id); }, comparisons_});
  peers_->keep_heard_in(home_.incident_dir / "heard");
  if (!config_.peers_listen.empty()) {
    const auto at = listen_endpoint("peers.listen", config_.peers_listen, 7420, config_.insecure_lab);
    if (!at) return failure(at.error());
    const auto port = peers_->listen(*at);
    if (!port) return failure(port.error().what);
    ports_.peers = *port;
  }
  for (const auto& peer : config_.peers) {
    const auto to = peer_address("peers.connect", peer, 7420, config_.insecure_lab);
    if (!to) return failure(to.error());
    peers_->connect(*to, home_.dir);
  }
  return open_bearers();
}

Result<void, std::string> RunningNode::open_bearers() {
  if (config_.bearers.empty()) return {};
  auto specs = parse_bearers(config_.bearers);
  if (!specs) return failure("bearers.use: " + specs.error());
  const auto key = channel_key(home_.incident, home_.data_keys);
  if (!key)
    return failure(std::string("bearers.use: this node has no data key of the incident, so nobody would hear it"));
  BearersSetup setup{*std::move(specs), home_.incident_dir / "bearers", home_.node_key.id(), *key};
  setup.name_of = [this](const model::KeyId& node) { return picture_.get()->roster().name_of(node); };
  if (auto opened = peers_->open_bearers(std::move(setup)); !opened) return failure("bearers.use: " + opened.error());
  return {};
}

// Who is on the incident's channels: the nodes that are granted by what is known here.
void RunningNode::tell_members() {
  if (config_.bearers.empty()) return;
  std::vector<model::KeyId> nodes;
  const auto picture = picture_.get();
  for (const auto& [id, member] : picture->roster().members()) {
    if (member.granted && member.grant.subject == trust::SubjectKind::Node) nodes.push_back(id);
  }
  peers_->set_members(nodes);
}

void RunningNode::start_feeds() {
  feeds_ = std::make_unique<Feeds>(core_->loop(), clock_, [this](model::Observation&& observation) {
    take_observation(std::move(observation), false);
  });
  status_maker_ =
      std::make_unique<NodeStatus>(info_, api::IncidentInfo{home_.incident, home_.genesis.name, home_.genesis.exercise},
                                   NodeStatus::Parts{*ledger_, *peers_, *tak_, *feeds_, own_place_, reported_}, clock_);
  for (auto& problem : feeds_->start(config_, own_place_.id(), info_.name))
    start_problems_.push_back(std::move(problem));
  own_place_.start();
  timers_.push_back(core_->loop().every(config_position_every, [this] { own_place_.place_configured(); }));
}

Result<void, std::string> RunningNode::start_api(const net::Endpoint& at) {
  NodeBackend::Core core{core_->loop(),
                         *ledger_,
                         own_place_,
                         [this](model::Observation&& observation) { take_observation(std::move(observation), false); },
                         [this] { publish(); },
                         [this] { make_status(); },
                         [this] { plan_status(status_every); },
                         status_asked_,
                         [this](const std::string& peer) { return comparer_->begin(peer); },
                         comparisons_};
  backend_ = std::make_unique<NodeBackend>(home_, clock_, std::move(core), picture_, status_);
  bundle_ = std::make_unique<LoopThread>();
  bundle_desk_ = std::make_unique<BundleDesk>(BundleDesk::Around{core_->loop(), bundle_->loop(), clock_, *ledger_,
                                                                 home_, info_.name, picture_, status_, reported_});
  api_ = std::make_unique<LoopThread>();
  Result<void, std::string> started;
  api_->call([&] {
    api::ServerOptions options;
    options.at = at;
    options.insecure_lab = config_.insecure_lab;
    options.version = version;
    options.more_routes = [this](net::HttpRouter& router) {
      tiles::add_tile_routes(router, maps_);
      add_bundle_routes(router, *bundle_desk_, api_->loop());
      add_track_routes(router, core_->loop(), api_->loop(),
                       [this](const model::EntityId& id) { return peers_ ? peers_->track(id) : TracksOf{}; });
    };
    auto server = api::Server::create(api_->loop(), clock_, *backend_, options);
    if (!server) {
      started = failure(server.error().what);
      return;
    }
    server_ = std::move(*server);
    ports_.http = server_->port();
  });
  return started;
}

// ---- stopping -------------------------------------------------------------------------------------------------------

void RunningNode::stop() {
  if (stopped_) return;
  stopped_ = true;
  // In reverse: nobody new comes in, then nothing new is made, then what is on its way reaches the disk.
  if (api_) {
    api_->call([this] { server_.reset(); });
    api_->stop();
  }
  if (backend_) backend_->stop();
  if (bundle_) bundle_->stop();
  if (tak_) tak_->stop_listening();
  if (core_) {
    core_->call([this] {
      ended_ = true;
      timers_.clear();
      publish_timer_.reset();
      status_timer_.reset();
      comparer_.reset();
      if (feeds_) feeds_->stop();
      if (bundle_desk_) bundle_desk_->stop();
      if (peers_) peers_->stop();
    });
    core_->call([this] {
      if (ledger_) ledger_->close();
    });
    core_->call([this] {
      if (feeds_) feeds_->clear();
      peers_.reset();
    });
    core_->stop();
  }
  if (tak_) tak_->stop();
  ledger_.reset();
}

// ---- observations and the status ------------------------------------------------------------------------------------

void RunningNode::take_observation(model::Observation observation, bool from_peer) {
  if (!from_peer) observation.gateway = home_.node_key.id();
  if (observation.subject == own_place_.id() && !from_peer) own_place_.noted(observation);
  if (ledger_->observe(observation) == picture::Observed::Late) return;
  stir();
  if (!from_peer) peers_->last_value(observation);
  if (tak_->is_on()) tak_->show(observation, from_peer);
}

// Something happened that the picture and the status will show, soon.
void RunningNode::stir() {
  plan_publish();
  plan_status(status_every);
}

void RunningNode::plan_publish() {
  if (publish_timer_ || ended_ || !feeds_) return;
  const auto wait = std::max(Milliseconds{0}, publish_at_ - clock_.now().steady);
  publish_timer_ = core_->loop().after(wait, [this] {
    publish_timer_.reset();
    tak_->renew();
    publish();
    // Pictures that are packed or verified aside, and what TAK clients are still to be told, are looked after here.
    if (packing_ > 0 || !ledger_->wants_picture() || tak_->is_renewing()) plan_publish();
  });
}

void RunningNode::publish() {
  const auto begun = clock_.now().steady;
  picture_.set(ledger_->publish());
  const auto now = clock_.now().steady;
  // Not while a newcomer waits for the picture another node sent: it is looked for here.
  const bool is_awaited = !ledger_->wants_picture();
  publish_at_ = now + (is_awaited ? publish_every : std::clamp(10 * (now - begun), publish_every, publish_rest_max));
}

// The next status comes so long after the last one, unless it is due before.
void RunningNode::plan_status(Milliseconds after_last) {
  if (ended_ || !status_maker_) return;
  const auto due = status_at_ + after_last;
  if (status_timer_ && status_due_ <= due) return;
  status_due_ = due;
  status_timer_ = core_->loop().after(std::max(Milliseconds{0}, due - clock_.now().steady), [this] {
    status_timer_.reset();
    tak_->renew();
    make_status();
    plan_publish();
  });
}

void RunningNode::make_status() {
  ledger_->drop_lost_tracks();
  clock_quality_ = feeds_->clock_quality();
  tell_members();
  status_.set(status_maker_->make(clock_quality_, start_problems_));
  status_at_ = clock_.now().steady;
  plan_status(status_at_ - status_asked_.load() < asked_for ? status_every : status_rest);
}

}  // namespace

Result<std::unique_ptr<Node>, std::string> Node::start(Home home, const Config& config, const Clock& clock) {
  auto node = std::make_unique<RunningNode>(std::move(home), config, clock);
  if (auto started = node->start(); !started) {
    node->stop();
    return failure(started.error());
  }
  return node;
}

}  // namespace airbridge::app
