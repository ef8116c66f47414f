#include "node.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>

#include "api/server.hpp"
#include "backups.hpp"
#include "base/log.hpp"
#include "clock_quality.hpp"
#include "clock_watch.hpp"
#include "codec/cot/types.hpp"
#include "gateway/adsb/adsb_client.hpp"
#include "gateway/adsb/adsb_file.hpp"
#include "gateway/adsb/recording.hpp"
#include "gateway/gnss/gpsd_client.hpp"
#include "ledger.hpp"
#include "loop_thread.hpp"
#include "metrics_text.hpp"
#include "model/cbor.hpp"
#include "own_position.hpp"
#include "peers.hpp"
#include "tak_feed.hpp"
#include "tiles/tile_routes.hpp"
#include "version.hpp"

namespace airbridge::app {
namespace {

constexpr Milliseconds publish_every{100};
constexpr Milliseconds status_every{1'000};
constexpr Milliseconds hash_every{5'000};
constexpr Milliseconds config_position_every{60'000};
constexpr Milliseconds journal_wait_max{2'000};  // for events that are on disk and not indexed yet
constexpr std::size_t journal_asked_max = 64;    // questions to the journal at once; more are answered 503

// A value one thread sets and others read, whole.
template <class T>
class Shared {
 public:
  explicit Shared(std::shared_ptr<const T> value) : value_(std::move(value)) {}
  std::shared_ptr<const T> get() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }
  void set(std::shared_ptr<const T> value) {
    const std::scoped_lock lock(mutex_);
    value_.swap(value);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

Result<net::Endpoint, std::string> endpoint_of(std::string_view option, const std::string& text,
                                               std::uint16_t default_port, bool insecure_lab) {
  auto endpoint = net::Endpoint::parse(text, default_port);
  if (!endpoint) return failure(fmt::format("{}: {}", option, endpoint.error().what));
  if (!endpoint->is_loopback() && !insecure_lab) {
    return failure(
        fmt::format("{} = \"{}\" leaves this machine, and nothing authenticates users or encrypts links yet. Listen on "
                    "127.0.0.1, or, on a "
                    "network you trust, start with --insecure-lab (the page then says so in red)",
                    option, text));
  }
  return *endpoint;
}

class RunningNode final : public Node, public api::Backend {
 public:
  RunningNode(Home home, Config config, const Clock& clock)
      : home_(std::move(home)),
        config_(std::move(config)),
        clock_(clock),
        own_id_(model::external_name("own", home_.node_key.id().hex())),
        picture_(std::make_shared<const picture::Picture>()),
        status_(std::make_shared<const api::Status>()) {}

  ~RunningNode() override { stop(); }

  Result<void, std::string> start();
  NodePorts ports() const override { return ports_; }
  void stop() override;

  // api::Backend, from the API's thread
  std::shared_ptr<const picture::Picture> picture() override { return picture_.get(); }
  std::shared_ptr<const api::Status> status() override { return status_.get(); }
  void command(model::Draft draft, std::function<void(api::CommandResult)> done) override;
  void own_position(std::optional<Position> position, std::function<void(api::CommandResult)> done) override;
  void journal(api::JournalQuery query, std::function<void(Result<api::JournalPage, api::CommandError>)> done) override;
  void recording(std::string name, std::string text,
                 std::function<void(Result<Played, api::CommandError>)> done) override;
  Result<api::BackupInfo, api::CommandError> begin_backup(bool with_keys) override {
    return backups_->begin(with_keys, clock_.now().utc);
  }
  std::optional<api::BackupInfo> backup(std::uint64_t id) override { return backups_->find(id); }
  std::string metrics() override;

 private:
  std::string make_backup(const std::string& file, bool with_keys);  // on the backup's thread

  // core thread
  Result<void, std::string> start_core();
  void start_feeds();
  void take_observation(model::Observation observation, bool from_peer);
  void place_own(const model::Place& place, std::string source, UtcTime measured, bool ended = false);
  void withdraw_own();
  void place_configured();
  void measure_clock();
  void make_status();
  void publish();
  api::NodeInfo node_info() const;

  Home home_;
  Config config_;
  const Clock& clock_;
  const model::EntityId own_id_;
  NodePorts ports_;
  Shared<picture::Picture> picture_;
  Shared<api::Status> status_;
  std::atomic<std::uint64_t> commands_{0};
  std::atomic<std::size_t> journal_asked_{0};

  std::vector<std::unique_ptr<tiles::TileSource>> maps_;
  std::unique_ptr<LoopThread> core_, tak_, api_, journal_;
  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Peers> peers_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<gateway::tak::TakServer> tak_server_;
  std::unique_ptr<TakFeed> tak_feed_;  // on the core thread
  Shared<gateway::tak::TakStatus> tak_status_{std::make_shared<const gateway::tak::TakStatus>()};
  std::shared_ptr<net::EventLoop::Timer> tak_timer_;
  std::vector<std::unique_ptr<gateway::adsb::AdsbClient>> adsb_;
  std::vector<std::unique_ptr<gateway::adsb::AdsbPlayer>> players_;
  std::unique_ptr<gateway::gnss::GpsdClient> gpsd_;
  std::unique_ptr<api::Server> server_;
  std::vector<std::shared_ptr<net::EventLoop::Timer>> timers_;
  std::optional<api::OwnPosition> own_position_;
  ClockWatch clocks_;
  model::ClockQuality clock_quality_ = system_clock_quality();
  std::string state_hash_;
  SteadyTime hashed_{};
  std::uint64_t hashed_events_ = 0;
  std::vector<std::string> start_problems_;
  bool stopped_ = false;
};

api::NodeInfo RunningNode::node_info() const {
  const auto name = config_.name.empty() ? home_.name : model::cbor::clean_text(config_.name, trust::grant_name_max);
  return {home_.node_key.id(), name, config_.profile, version, config_.insecure_lab};
}

// ---- starting and stopping ------------------------------------------------------------------------------------------

Result<void, std::string> RunningNode::start() {
  for (const auto& file : config_.map_files) {
    auto source = tiles::load_tiles(file);
    if (!source) {
      start_problems_.push_back(source.error().what);
      log::error("maps", "cannot use a map file", {{"why", source.error().what}});
      continue;
    }
    maps_.push_back(std::move(*source));
  }
  core_ = std::make_unique<LoopThread>();
  Result<void, std::string> started;
  core_->call([&] { started = start_core(); });
  if (!started) return started;

  if (config_.tak_enabled) {
    const auto at = endpoint_of("tak.listen", config_.tak_listen, 8087, config_.insecure_lab);
    if (!at) return failure(at.error());
    tak_ = std::make_unique<LoopThread>();
    tak_->call([&] {
      gateway::tak::TakOptions options;
      options.at = *at;
      options.limits.clients_max = static_cast<std::size_t>(config_.tak_clients_max);
      options.limits.idle_max = Milliseconds(config_.tak_idle_seconds * 1000);
      gateway::tak::TakOutput output;
      output.on_observations = [this](std::vector<model::Observation>&& observations) {
        core_->loop().post([this, list = std::move(observations)]() mutable {
          for (auto& observation : list) take_observation(std::move(observation), false);
        });
      };
      output.on_reports = [this](const std::vector<gateway::tak::TakReport>& reports) {
        if (ledger_->waiting() > commands_waiting_max / 2) return false;  // the gateway keeps them and asks again
        core_->loop().post([this, reports] { tak_feed_->take(reports); });
        return true;
      };
      tak_server_ = std::make_unique<gateway::tak::TakServer>(tak_->loop(), clock_, options, std::move(output));
      core_->call([&] { tak_feed_ = std::make_unique<TakFeed>(*ledger_, *tak_server_, clock_, home_.node_key.id()); });
      const auto listening = tak_server_->start();
      if (!listening) {
        started = failure(listening.error().what);
        return;
      }
      ports_.tak = tak_server_->port();
      tak_timer_ = tak_->loop().every(status_every, [this] {
        tak_status_.set(std::make_shared<const gateway::tak::TakStatus>(tak_server_->status()));
      });
      tak_status_.set(std::make_shared<const gateway::tak::TakStatus>(tak_server_->status()));
    });
    if (!started) return started;
  }

  const auto http = endpoint_of("http.listen", config_.http_listen, 8080, config_.insecure_lab);
  if (!http) return failure(http.error());
  core_->call([&] {
    start_feeds();
    publish();
    make_status();
    timers_.push_back(core_->loop().every(publish_every, [this] {
      if (tak_feed_) tak_feed_->renew();
      publish();
    }));
    timers_.push_back(core_->loop().every(status_every, [this] { make_status(); }));
  });
  backups_ = std::make_unique<Backups>(
      home_.dir / "backups", home_.store_dir(),
      [this](const std::string& file, bool with_keys) { return make_backup(file, with_keys); });
  journal_ = std::make_unique<LoopThread>();
  api_ = std::make_unique<LoopThread>();
  api_->call([&] {
    api::ServerOptions options;
    options.at = *http;
    options.insecure_lab = config_.insecure_lab;
    options.version = version;
    options.more_routes = [this](net::HttpRouter& router) { tiles::add_tile_routes(router, maps_); };
    auto server = api::Server::create(api_->loop(), clock_, *this, options);
    if (!server) {
      started = failure(server.error().what);
      return;
    }
    server_ = std::move(*server);
    ports_.http = server_->port();
  });
  return started;
}

Result<void, std::string> RunningNode::start_core() {
  LedgerOptions options;
  options.disk_free_min_bytes = static_cast<std::uint64_t>(config_.disk_free_min_mib) << 20;
  options.clock_quality = [this] { return clock_quality_; };
  Ledger::Handlers handlers;
  handlers.on_durable = [this] {
    if (peers_) peers_->durable();
  };
  handlers.on_folded = [this](const std::vector<model::EntityId>& changed) {
    if (!tak_feed_) return;
    tak_feed_->show(changed);
    publish();
  };
  auto ledger = Ledger::open(home_, core_->loop(), clock_, options, std::move(handlers));
  if (!ledger) return failure(ledger.error());
  ledger_ = std::move(*ledger);

  sync::Config sync_config{home_.incident, home_.node_key.id(), node_info().name};
  sync_config.is_granted = [this](const model::SealedRun& run) { return ledger_->welcomes(run); };
  Peers::Handlers peer_handlers;
  peer_handlers.on_accept = [this](sync::Accept accept) {
    ledger_->accept(std::move(accept.run), accept.author_key,
                    [this, ticket = accept.ticket](Accepted outcome, const std::string& why) {
                      if (outcome == Accepted::Written) return peers_->accepted(ticket);
                      outcome == Accepted::Refused ? peers_->rejected(ticket, why) : peers_->refused(ticket);
                    });
  };
  peer_handlers.on_observation = [this](const model::Observation& observation) { take_observation(observation, true); };
  peer_handlers.on_fork = [this](const sync::ForkFound& fork) { ledger_->forked(fork.branch); };
  peer_handlers.on_own_ahead = [this](const sync::OwnStreamAhead& ahead) {
    ledger_->begin_incarnation(fmt::format("another node holds {} events of stream {}, this one {}", ahead.there,
                                           model::to_text(ahead.stream), ahead.here));
  };
  peers_ = std::make_unique<Peers>(core_->loop(), clock_, sync_config, ledger_->view(), std::move(peer_handlers));
  if (!config_.peers_listen.empty()) {
    const auto at = endpoint_of("peers.listen", config_.peers_listen, 7420, config_.insecure_lab);
    if (!at) return failure(at.error());
    const auto port = peers_->listen(*at);
    if (!port) return failure(port.error().what);
    ports_.peers = *port;
  }
  for (const auto& peer : config_.peers) {
    const auto to = net::Endpoint::parse(peer, 7420);
    if (!to) return failure(fmt::format("peers.connect: {}", to.error().what));
    if (!to->is_loopback() && !config_.insecure_lab) {
      return failure(fmt::format(
          "peers.connect: the link to {} leaves this machine, and links between nodes are not encrypted yet: "
          "whoever is on the way could read what is sent. On a network you trust, start with "
          "--insecure-lab (the page then says so in red)",
          to->text()));
    }
    peers_->connect(*to);
  }
  return {};
}

void RunningNode::start_feeds() {
  const auto take = [this](model::Observation&& observation) { take_observation(std::move(observation), false); };
  std::uint64_t seed = 1;
  for (const auto& source : config_.adsb_connect) {
    const auto to = net::Endpoint::parse(source, codec::adsb::sbs_default_port);
    if (!to) {
      start_problems_.push_back(fmt::format("adsb.connect: {}", to.error().what));
      continue;
    }
    gateway::adsb::AdsbClientOptions options;
    options.to = *to;
    options.seed = seed++;
    adsb_.push_back(std::make_unique<gateway::adsb::AdsbClient>(core_->loop(), clock_, options, take));
    adsb_.back()->start();
  }
  for (const auto& file : config_.adsb_files) {
    gateway::adsb::RecordingOptions options;
    options.lines_per_second = config_.adsb_lines_per_second;
    auto recording = gateway::adsb::load_recording(file, options);
    if (!recording) {
      start_problems_.push_back(recording.error().what);
      log::error("adsb", "cannot play a recording", {{"why", recording.error().what}});
      continue;
    }
    const auto repeat = config_.adsb_files_repeat ? gateway::adsb::Repeat::Forever : gateway::adsb::Repeat::Once;
    players_.push_back(
        std::make_unique<gateway::adsb::AdsbPlayer>(core_->loop(), clock_, std::move(*recording), repeat, take));
    players_.back()->start();
  }
  if (!config_.gnss_gpsd.empty()) {
    const auto to = net::Endpoint::parse(config_.gnss_gpsd, gateway::gnss::gpsd_default_port);
    if (to) {
      gateway::gnss::GpsdClientOptions options;
      options.to = *to;
      options.own = own_id_;
      options.callsign = node_info().name;
      gpsd_ = std::make_unique<gateway::gnss::GpsdClient>(core_->loop(), clock_, options, take);
      gpsd_->start();
    } else {
      start_problems_.push_back(fmt::format("gnss.gpsd: {}", to.error().what));
    }
  }
  if (const auto kept = kept_own_position(home_.dir)) place_own({kept->position, std::nullopt}, "page", kept->at);
  place_configured();
  timers_.push_back(core_->loop().every(config_position_every, [this] { place_configured(); }));
}

void RunningNode::stop() {
  if (stopped_) return;
  stopped_ = true;
  // In reverse: nobody new comes in, then nothing new is made, then what is on its way reaches the disk.
  if (api_) {
    api_->call([this] { server_.reset(); });
    api_->stop();
  }
  // Both read what the ledger closes.
  backups_.reset();
  if (journal_) journal_->stop();
  if (tak_) {
    tak_->call([this] {
      tak_timer_.reset();
      if (tak_server_) tak_server_->stop();
    });
  }
  if (core_) {
    core_->call([this] {
      timers_.clear();
      for (auto& player : players_) player->stop();
      for (auto& client : adsb_) client->stop();
      if (gpsd_) gpsd_->stop();
      if (peers_) peers_->stop();
    });
    core_->call([this] {
      if (ledger_) ledger_->close();
    });
    core_->call([this] {
      players_.clear();
      adsb_.clear();
      gpsd_.reset();
      peers_.reset();
    });
    core_->stop();
  }
  if (tak_) {
    tak_->call([this] { tak_server_.reset(); });
    tak_->stop();
  }
  server_.reset();
  ledger_.reset();
}

// ---- commands -------------------------------------------------------------------------------------------------------

void RunningNode::command(model::Draft draft, std::function<void(api::CommandResult)> done) {
  ++commands_;
  if (ledger_->waiting() > commands_waiting_max) {
    done(failure(api::CommandError{503, "busy", "too many commands wait for the disk", "",
                                   "try again in a second, with the same id"}));
    return;
  }
  draft.actor = home_.operator_key.id();
  core_->loop().post([this, draft = std::move(draft), done = std::move(done)]() mutable {
    ledger_->command(std::move(draft), std::move(done));
  });
}

void RunningNode::own_position(std::optional<Position> position, std::function<void(api::CommandResult)> done) {
  core_->loop().post([this, position, done = std::move(done)] {
    const auto now = clock_.now().utc;
    std::optional<KeptPosition> kept;
    if (position) {
      kept = KeptPosition{*position, now};
      place_own({*position, std::nullopt}, "page", now);
    } else {
      withdraw_own();
    }
    make_status();
    if (const auto written = keep_own_position(home_.dir, kept); !written) {
      log::error("node", "the own position will not outlive a restart", {{"why", written.error().text}});
      return done(failure(api::CommandError{507, "not_kept", "not kept for a restart: " + written.error().text, "",
                                            "free some space, or look at the folder's rights"}));
    }
    done(api::CommandDone{own_id_, "", {}, model::Class::Routine, false});
  });
}

void RunningNode::place_own(const model::Place& place, std::string source, UtcTime measured, bool ended) {
  model::Observation observation;
  observation.subject = own_id_;
  observation.kind = model::SubjectKind::OwnNode;
  observation.via = source == "page" ? model::Via::Web : model::Via::Node;
  observation.source = std::move(source);
  observation.measured = measured;
  observation.position = place.position;
  observation.height = place.height;
  observation.callsign = node_info().name;
  observation.ended = ended;
  take_observation(std::move(observation), false);
}

// Config or gpsd speaks again; where neither does, nobody shall see the node at a place that was taken back.
void RunningNode::withdraw_own() {
  if (own_position_) place_own({own_position_->position, std::nullopt}, "page", clock_.now().utc, true);
  own_position_.reset();
  place_configured();
}

void RunningNode::place_configured() {
  if (!config_.position_latitude || !config_.position_longitude) return;
  // What config says holds until something measured, or a person, says otherwise.
  if (own_position_ && own_position_->source != "config") return;
  model::Place place{*Position::from_degrees(*config_.position_latitude, *config_.position_longitude), std::nullopt};
  if (config_.position_height_m) place.height = EllipsoidHeight(Metres{*config_.position_height_m});
  place_own(place, "config", clock_.now().utc);
}

void RunningNode::recording(std::string name, std::string text,
                            std::function<void(Result<Played, api::CommandError>)> done) {
  auto recording = gateway::adsb::read_recording(name, text);
  if (!recording)
    return done(failure(api::CommandError{400, "not_a_recording", recording.error().what, "",
                                          "SBS-1 lines or a readsb aircraft.json"}));
  core_->loop().post([this, recording = std::move(*recording), done = std::move(done)] {
    const auto summary = gateway::adsb::import_recording(
        recording, clock_.now().utc,
        [this](model::Observation&& observation) { take_observation(std::move(observation), false); });
    publish();
    done(Played{summary.observations, summary.aircraft, summary.refused});
  });
}

void RunningNode::journal(api::JournalQuery query,
                          std::function<void(Result<api::JournalPage, api::CommandError>)> done) {
  if (journal_asked_.fetch_add(1) >= journal_asked_max) {
    --journal_asked_;
    return done(failure(api::CommandError{503, "busy", "too many ask for the journal", "", "try again in a second"}));
  }
  journal_->loop().post([this, query = std::move(query), done = std::move(done), asked = clock_.now().steady] {
    // Whoever waited for those before has waited for the index too.
    done(ledger_->journal(query, journal_wait_max - (clock_.now().steady - asked)));
    --journal_asked_;
  });
}

std::string RunningNode::make_backup(const std::string& file, bool with_keys) {
  std::vector<store::ExtraFile> extra;
  std::string why;
  const auto add = [&](const std::filesystem::path& path, const std::string& as) {
    if (!std::filesystem::exists(path)) return;
    if (const auto content = read_file(path, store::extra_bytes_max)) {
      extra.push_back({as, to_bytes(as_bytes(*content))});
    } else {
      why = content.error().text;
    }
  };
  add(home_.incident_dir / "genesis", "genesis");
  add(home_.dir / "names", "names");
  add(home_.dir / "airbridge.toml", "airbridge.toml");
  add(home_.incident_dir / "first-grants", "first-grants");
  if (with_keys) {
    add(home_.incident_dir / "data.keys", "data.keys");
    for (const auto* key : {"node.key", "operator.key", "authority.key"}) add(home_.dir / "keys" / key, key);
  }
  return why.empty() ? ledger_->backup(file, extra) : why;
}

// ---- observations ---------------------------------------------------------------------------------------------------

void RunningNode::take_observation(model::Observation observation, bool from_peer) {
  if (!from_peer) observation.gateway = home_.node_key.id();
  if (observation.subject == own_id_ && !from_peer && !observation.ended) {
    // A click on the page stands until a receiver has a fix; the configured place only until anything better.
    own_position_ = api::OwnPosition{observation.position, observation.measured, observation.source};
  }
  if (ledger_->observe(observation) == picture::Observed::Late) return;
  if (!from_peer) peers_->last_value(observation);
  if (tak_feed_ && (from_peer || observation.via != model::Via::Tak)) tak_feed_->show(observation);
}

// ---- what readers see -----------------------------------------------------------------------------------------------

void RunningNode::publish() { picture_.set(ledger_->publish()); }

void RunningNode::measure_clock() {
  const auto gnss = gpsd_ ? gpsd_->status() : gateway::gnss::GpsdStatus{};
  clock_quality_ = clock_quality(system_clock_quality(), gnss.clock_ahead, gnss.last_fix, clock_.now().utc);
}

void RunningNode::make_status() {
  ledger_->drop_lost_tracks();
  measure_clock();
  api::Status status;
  status.node = node_info();
  status.clock = model::name_of(clock_quality_);
  status.incident = {home_.incident, home_.genesis.name, home_.genesis.exercise};
  status.peers = peers_->status();
  status.cut_off =
      peers_->has_configured() && std::none_of(status.peers.begin(), status.peers.end(),
                                               [](const api::PeerInfo& peer) { return peer.state == "connected"; });
  const auto vector = ledger_->view().vector();
  auto held = peers_->held(vector);
  for (const auto& [stream, seq] : vector) {
    if (stream.writer.author != home_.node_key.id()) continue;
    std::uint64_t best = 0;
    if (const auto found = held->find(stream); found != held->end()) {
      for (const auto& [node, count] : found->second) best = std::max(best, count);
    }
    status.unshared += seq > best ? seq - best : 0;
  }
  const auto before = status_.get();
  status.held = *before->held == *held ? before->held : held;
  for (const auto& [id, member] : ledger_->publish()->roster().members()) {
    if (member.granted && member.grant.subject == trust::SubjectKind::Node &&
        member.grant.role >= trust::Role::Coordinator && member.grant.role <= trust::Role::Authority)
      status.posts.insert(id);
  }

  const auto tak = tak_status_.get();
  api::FeedInfo tak_feed;
  tak_feed.name = "tak";
  tak_feed.state = tak->listening ? "listening" : "off";
  tak_feed.address = tak->address;
  tak_feed.clients = tak->clients;
  tak_feed.received = tak->counters.received;
  tak_feed.refused = tak->counters.malformed;
  tak_feed.not_carried = tak->counters.not_carried_total();
  tak_feed.last = tak->last_received;
  for (std::size_t i = 0; i < tak->counters.not_carried.size(); ++i) {
    if (tak->counters.not_carried[i] > 0)
      tak_feed.reasons[std::string(codec::cot::name_of(static_cast<codec::cot::NotCarried>(i)))] =
          tak->counters.not_carried[i];
  }
  if (tak->counters.too_fast > 0) tak_feed.reasons["too_fast"] = tak->counters.too_fast;
  if (tak->counters.too_many_uids > 0) tak_feed.reasons["too_many_uids"] = tak->counters.too_many_uids;
  status.feeds.push_back(std::move(tak_feed));
  for (const auto& client : adsb_) {
    const auto from = client->status();
    status.feeds.push_back({"adsb",
                            std::string(net::name_of(from.state)),
                            from.address,
                            0,
                            from.lines.lines,
                            from.lines.refused + from.lines.oversized,
                            0,
                            {},
                            from.last_line,
                            from.why});
  }
  for (const auto& player : players_) {
    const auto& counters = player->counters();
    status.feeds.push_back({"adsb",
                            player->is_playing() ? "playing" : "off",
                            player->name(),
                            0,
                            counters.lines + counters.observations,
                            counters.refused,
                            0,
                            {},
                            clock_.now().utc,
                            "a recording, not live"});
  }
  if (gpsd_) {
    const auto from = gpsd_->status();
    status.feeds.push_back({"gnss",
                            std::string(net::name_of(from.state)),
                            from.address,
                            0,
                            from.reports,
                            from.refused,
                            0,
                            {},
                            from.last_report,
                            from.why});
  }

  status.store = ledger_->store_info();
  const auto steady = clock_.now().steady;
  if (state_hash_.empty() || (status.store.events != hashed_events_ && steady - hashed_ >= hash_every) ||
      status.store.events < 1000) {
    state_hash_ = ledger_->state_hash().hex();
    hashed_ = steady;
    hashed_events_ = status.store.events;
  }
  status.store.state_hash = state_hash_;
  status.own_position = own_position_;
  const auto picture = ledger_->publish();
  clocks_.look(*picture);
  status.clocks = clocks_.doubtful(*picture);
  if (status.store.refusing_writes) status.problems.push_back("New entries are refused: " + status.store.why);
  if (status.store.damaged > 0)
    status.problems.push_back(
        fmt::format("{} stretches of the log are damaged; peers are asked for what is missing", status.store.damaged));
  if (status.cut_off) status.problems.push_back("Cut off: no other node can be reached");
  if (!status.clocks.empty()) status.problems.push_back(words_of(status.clocks.front()));
  if (!picture->forks().empty())
    status.problems.push_back(fmt::format(
        "{} streams have two contents: a device was copied or restored without telling", picture->forks().size()));
  for (const auto& problem : ledger_->problems()) status.problems.push_back(problem);
  for (const auto& problem : start_problems_) status.problems.push_back(problem);
  status_.set(std::make_shared<const api::Status>(std::move(status)));
}

std::string RunningNode::metrics() {
  MetricsText out;
  const auto status = status_.get();
  const auto picture = picture_.get();
  const auto& counts = picture->counts();
  out.put("info", "gauge", "Version of the program.", 1, {{"version", version}, {"profile", config_.profile}});
  out.put("events", "gauge", "Events in the log.", status->store.events);
  out.put("entities", "gauge", "Records in the picture.", counts.entities);
  out.put("tracks", "gauge", "Live tracks.", counts.tracks);
  out.put("conflicts", "gauge", "Records with a conflict.", counts.with_conflict);
  out.put("placeholders", "gauge", "Records of which the beginning is missing.", counts.placeholders);
  out.put("withheld_events", "gauge", "Events of authors that are not granted.", counts.withheld);
  out.put("unshared_events", "gauge", "Own events no other node is known to hold.", status->unshared);
  out.put("store_damaged_ranges", "gauge", "Stretches of the log that cannot be read.", status->store.damaged);
  out.put("store_scrubbed_bytes_total", "counter", "Bytes of the log read again in search of damage.",
          status->store.scrubbed_bytes);
  out.put("store_refusing_writes", "gauge", "1 while new entries are refused.", status->store.refusing_writes ? 1 : 0);
  out.put("disk_free_bytes", "gauge", "Free space for the store.", status->store.disk_free_bytes);
  out.put("commands_total", "counter", "Commands taken from the API.", commands_.load());
  for (const auto& peer : status->peers) {
    const auto peer_name = peer.id.is_zero() ? peer.address : peer.id.hex();
    out.put("peer_connected", "gauge", "1 while linked.", peer.state == "connected" ? 1 : 0, {{"peer", peer_name}});
    out.put("peer_lacks_here", "gauge", "Events the peer holds and this node does not.", peer.lacks_here,
            {{"peer", peer_name}});
    out.put("peer_lacks_there", "gauge", "Events this node holds and the peer does not.", peer.lacks_there,
            {{"peer", peer_name}});
    out.put("peer_bytes_sent_total", "counter", "Bytes sent on the present link.", peer.bytes_sent,
            {{"peer", peer_name}});
    out.put("peer_bytes_received_total", "counter", "Bytes received on the present link.", peer.bytes_received,
            {{"peer", peer_name}});
  }
  for (const auto& feed : status->feeds) {
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
