#include "tak_gateway.hpp"

#include "codec/cot/types.hpp"
#include "endpoint_rules.hpp"

namespace airbridge::app {
namespace {

constexpr Milliseconds status_every{1'000};

}  // namespace

Result<std::uint16_t, std::string> TakGateway::start(const Config& config) {
  if (!config.tak_enabled) return std::uint16_t{0};
  const auto at = listen_endpoint("tak.listen", config.tak_listen, 8087, config.insecure_lab);
  if (!at) return failure(at.error());
  thread_ = std::make_unique<LoopThread>();
  Result<std::uint16_t, std::string> port = std::uint16_t{0};
  thread_->call([&] { port = listen(config, *at); });
  return port;
}

Result<std::uint16_t, std::string> TakGateway::listen(const Config& config, const net::Endpoint& at) {
  gateway::tak::TakOptions options;
  options.at = at;
  options.limits.clients_max = static_cast<std::size_t>(config.tak_clients_max);
  options.limits.idle_max = Milliseconds(config.tak_idle_seconds * 1000);
  gateway::tak::TakOutput output;
  crossing_ = std::make_unique<TakCrossing>(
      core_.loop(), commands_waiting_max / 2,
      TakCrossing::Core{.take = take_,
                        .take_reports = [this](const auto& reports) { feed_->take(reports); },
                        .waiting = [this] { return ledger_.waiting(); }});
  output.on_observations = [this](std::vector<model::Observation>&& observations) {
    crossing_->put(std::move(observations));
  };
  output.on_activity = [this] {
    if (timer_) return;
    timer_ = thread_->loop().after(status_every, [this] {
      timer_.reset();
      note();
    });
  };
  output.on_reports = [this](const std::vector<gateway::tak::TakReport>& reports) { return crossing_->put(reports); };
  server_ = std::make_unique<gateway::tak::TakServer>(thread_->loop(), clock_, options, std::move(output));
  core_.call([&] { feed_ = std::make_unique<TakFeed>(ledger_, *server_, clock_, own_); });
  const auto listening = server_->start();
  if (!listening) return failure(listening.error().what);
  note();
  return server_->port();
}

void TakGateway::note() { status_.set(std::make_shared<const gateway::tak::TakStatus>(server_->status())); }

void TakGateway::stop_listening() {
  if (!thread_) return;
  thread_->call([this] {
    if (server_) server_->stop();
    timer_.reset();
  });
}

void TakGateway::stop() {
  if (!thread_) return;
  thread_->call([this] { server_.reset(); });
  thread_->stop();
}

void TakGateway::show(const model::Observation& observation, bool from_peer) {
  // What a client here said went to the others at once.
  if (from_peer || observation.via != model::Via::Tak) feed_->show(observation);
}

api::FeedInfo TakGateway::status() const {
  const auto tak = status_.get();
  const auto& counters = tak->counters;
  api::FeedInfo feed;
  feed.name = "tak";
  feed.state = tak->listening ? "listening" : "off";
  feed.address = tak->address;
  feed.clients = tak->clients;
  feed.received = counters.received;
  feed.refused = counters.malformed;
  feed.not_carried = counters.not_carried_total();
  feed.last = tak->last_received;
  for (std::size_t i = 0; i < counters.not_carried.size(); ++i) {
    if (counters.not_carried[i] > 0)
      feed.reasons[std::string(codec::cot::name_of(static_cast<codec::cot::NotCarried>(i)))] = counters.not_carried[i];
  }
  if (counters.bad_type > 0) feed.reasons["bad_type"] = counters.bad_type;
  if (counters.too_fast > 0) feed.reasons["too_fast"] = counters.too_fast;
  if (counters.too_many_uids > 0) feed.reasons["too_many_uids"] = counters.too_many_uids;
  if (crossing_ && crossing_->dropped() > 0) feed.reasons["positions_dropped"] = crossing_->dropped();
  if (feed_ && feed_->dropped() > 0) feed.reasons["positions_not_told"] = feed_->dropped();
  return feed;
}

}  // namespace airbridge::app
