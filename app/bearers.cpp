#include "bearers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "home.hpp"
#include "sync/compact.hpp"
#include "trust/keys.hpp"

namespace airbridge::app {
namespace {

std::uint64_t random_u64() { return std::uint64_t{trust::random_u32()} << 32 | trust::random_u32(); }

// What a channel says of a frame, from its counts before and after.
Sender sender_of(const std::array<std::uint64_t, bearer::refusal_count>& before,
                 const std::array<std::uint64_t, bearer::refusal_count>& after) {
  if (after == before) return Sender::Authentic;
  constexpr auto old = static_cast<std::size_t>(bearer::Refusal::Old);
  return after[old] != before[old] ? Sender::Outdated : Sender::Unknown;
}

}  // namespace

std::optional<bearer::GroupKey> channel_key(const model::IncidentId& incident,
                                            const std::vector<trust::DataKey>& keys) {
  const auto first = std::min_element(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.group < b.group;
  });
  if (first == keys.end()) return std::nullopt;
  bearer::GroupKey out;
  out.value = blake2b<32>({as_bytes("airbridge channel 1"), incident.view(), first->key.view()});
  return out;
}

Bearers::Bearers(net::EventLoop& loop, const Clock& clock, sync::Core& core, BearersSetup setup,
                 std::function<void()> on_change)
    : loop_(loop),
      clock_(clock),
      core_(core),
      setup_(std::move(setup)),
      on_change_(std::move(on_change)),
      squeezer_(sync::dense_bytes_of) {
  for (auto& spec : setup_.specs) bearers_.emplace_back(std::make_unique<Bearer>())->spec = spec;
}

Bearers::~Bearers() { stop(); }

std::filesystem::path Bearers::file(const Bearer& bearer, std::string_view ending) const {
  return setup_.folder / fmt::format("{}.{}", bearer.spec.name, ending);
}

Result<void, std::string> Bearers::start() {
  if (bearers_.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(setup_.folder, error);
  if (error) return failure(fmt::format("cannot make the folder {}: {}", setup_.folder.string(), error.message()));
  saving_ = std::make_unique<LoopThread>();
  std::uint32_t number = 0;
  for (auto& bearer : bearers_) {
    if (auto opened = open(*bearer, ++number); !opened) {
      stop();
      return opened;
    }
  }
  budget_timer_ = loop_.every(bearer_budget_every, [this] { renew_budgets(); });
  return {};
}

Result<void, std::string> Bearers::open(Bearer& bearer, std::uint32_t number) {
  auto port = open_port(loop_, bearer.spec, [this, &bearer](ByteView frame) { take_frame(bearer, frame); });
  if (!port) return failure(fmt::format("bearer {}: {}", bearer.spec.name, port.error()));
  bearer.port = *std::move(port);
  if (bearer.spec.budget_bytes_per_day)
    bearer.meter.emplace(file(bearer, "spent"), *bearer.spec.budget_bytes_per_day, now().utc);
  sync::LinkProfile base;
  base.address = bearer.spec.address();
  base.bearer = bearer.spec.name;
  base.cost = bearer.spec.profile.cost;
  bearer::Setup setup;
  setup.profile = bearer.spec.profile;
  setup.node = setup_.node;
  setup.key = setup_.key;
  setup.start = random_u64();
  // Without it (a first start, a file that is gone) nothing is at risk: keys are new at each start, and the neighbours
  // tell where the counters are to go on.
  if (auto state = read_file(file(bearer, "state"), bearer_state_bytes_max)) setup.state = to_bytes(as_bytes(*state));
  exchange::Handlers handlers;
  handlers.transmit = [this, &bearer](Bytes frame, Milliseconds) {
    if (bearer.meter) bearer.meter->add(frame.size() + bearer.port->overhead(), now().utc);
    if (bearer.is_judging) {
      bearer.answers.push_back(std::move(frame));
    } else {
      bearer.port->send(frame);
    }
  };
  handlers.save = [this, &bearer](Bytes state) { save(bearer, std::move(state)); };
  handlers.state_was_old = [&bearer](const model::KeyId& told_by) {
    // Usual after a restart on either side, for both reserve ahead; far ahead after a restored backup.
    log::info("bearer", "counters go on where another node asked",
              {{"bearer", bearer.spec.name}, {"told_by", told_by.hex()}});
  };
  handlers.name_of = setup_.name_of;
  if (bearer.meter) handlers.budget_left = [this, &bearer] { return bearer.meter->left(now().utc); };
  bearer.links = std::make_unique<exchange::ChannelLinks>(core_, std::move(base), number, std::move(setup), squeezer_,
                                                          Rng(random_u64()), std::move(handlers), now());
  bearer.links->set_members(members_, now());
  after_call(bearer);
  log::info("bearer", "open",
            {{"bearer", bearer.spec.name}, {"at", bearer.spec.address()}, {"as", describe(bearer.spec.profile)}});
  return {};
}

void Bearers::stop() {
  alive_ = std::make_shared<bool>(true);  // what is posted for the old one finds it gone
  budget_timer_.reset();
  for (auto& bearer : bearers_) {
    bearer->timer.reset();
    bearer->save_timer.reset();
    if (bearer->links) bearer->links->stop("the bearer was closed", now());
    bearer->links.reset();
    bearer->port.reset();
  }
  if (!saving_) return;
  saving_->call([] {});  // in order: what was to be saved is
  saving_.reset();
}

void Bearers::after_call(Bearer& bearer) {
  arm(bearer);
  if (on_change_) on_change_();
}

void Bearers::take_frame(Bearer& bearer, ByteView frame) {
  if (!bearer.links) return;
  if (bearer.meter) bearer.meter->add(frame.size() + bearer.port->overhead(), now().utc);
  if (bearer.port->wants_senders()) {
    const auto before = bearer.links->stats(now()).refused;
    bearer.is_judging = true;
    bearer.links->receive(frame, now());
    bearer.is_judging = false;
    bearer.port->met(sender_of(before, bearer.links->stats(now()).refused));
    for (const auto& answer : std::exchange(bearer.answers, {})) bearer.port->send(answer);
  } else {
    bearer.links->receive(frame, now());
  }
  after_call(bearer);
}

void Bearers::arm(Bearer& bearer) {
  const auto deadline = bearer.links ? bearer.links->next_deadline() : std::nullopt;
  if (!deadline) return bearer.timer.reset();
  const auto wait = std::max(Milliseconds(0), *deadline - now().steady);
  bearer.timer = loop_.after(wait, [this, &bearer] {
    bearer.links->poll(now());
    after_call(bearer);
  });
}

// One at a time a bearer: a channel asks for the next only when it was told of the last.
void Bearers::save(Bearer& bearer, Bytes state) {
  const std::weak_ptr<bool> alive = alive_;
  saving_->loop().post([this, &bearer, alive, &loop = loop_, path = file(bearer, "state"), state = std::move(state)] {
    auto written = write_file(path, as_text(state), 0600);
    loop.post([this, &bearer, alive, state, written = std::move(written)] {
      if (alive.expired()) return;
      if (written) {
        bearer.save_problem.clear();
        bearer.links->saved(now());
        return after_call(bearer);
      }
      bearer.save_problem = fmt::format("bearer {} is silent: {}", bearer.spec.name, written.error().text);
      log::error("bearer", "cannot save the state", {{"bearer", bearer.spec.name}, {"why", written.error().text}});
      bearer.save_timer = loop_.after(save_again, [this, &bearer, state] { save(bearer, state); });
    });
  });
}

void Bearers::set_members(const std::vector<model::KeyId>& members) {
  if (members == members_) return;
  members_ = members;
  for (auto& bearer : bearers_) {
    if (!bearer->links) continue;
    bearer->links->set_members(members_, now());
    after_call(*bearer);
  }
}

bool Bearers::heed(const sync::Output& output) {
  bool was_for_one = false;
  for (auto& bearer : bearers_) {
    if (!bearer->links || !bearer->links->heed(output, now())) continue;
    arm(*bearer);
    was_for_one = true;
  }
  return was_for_one;
}

void Bearers::renew_budgets() {
  bool is_metered = false;
  for (auto& bearer : bearers_) {
    if (!bearer->meter || !bearer->links) continue;
    is_metered = true;
    const auto left = bearer->meter->left(now().utc);
    if (const auto all = bearer->links->peer_of(model::KeyId{})) core_.set_budget(*all, left, now());
    for (const auto& node : members_) {
      if (const auto peer = bearer->links->peer_of(node)) core_.set_budget(*peer, left, now());
    }
  }
  if (is_metered && on_change_) on_change_();
}

std::uint16_t Bearers::port(std::size_t bearer) const {
  const auto& port = bearers_[bearer]->port;
  return port ? port->port() : std::uint16_t{0};
}

std::optional<bearer::Stats> Bearers::stats(std::size_t bearer) const {
  const auto& links = bearers_[bearer]->links;
  return links ? std::optional(links->stats(now())) : std::nullopt;
}

std::optional<std::uint64_t> Bearers::budget_left(std::size_t bearer) {
  auto& meter = bearers_[bearer]->meter;
  return meter ? std::optional(meter->left(now().utc)) : std::nullopt;
}

std::vector<api::BearerInfo> Bearers::status() {
  std::vector<api::BearerInfo> out;
  for (const auto& bearer : bearers_) {
    auto& info = out.emplace_back();
    info.name = bearer->spec.name;
    info.kind = bearer->spec.kind_name();
    const auto& profile = bearer->spec.profile;
    info.profile = describe(profile);
    info.channel = {profile.rate_bps,   profile.mtu,       profile.half_duplex, profile.turn_round,
                    profile.delay,      profile.broadcast, profile.one_way,     profile.encrypt,
                    profile.duty_cycle, profile.interval,  profile.cost};
    info.address = bearer->spec.address();
    info.budget_bytes = bearer->spec.budget_bytes_per_day;
    if (bearer->meter) info.budget_left_bytes = bearer->meter->left(now().utc);
    info.state = "off";
    if (!bearer->links) continue;
    info.why = bearer->save_problem.empty() ? bearer->port->problem() : bearer->save_problem;
    info.state = info.why.empty() ? "up" : "down";
    const auto stats = bearer->links->stats(now());
    if (bearer->spec.profile.rate_bps > 0) {
      info.occupancy_percent = stats.occupancy * 100;
      info.position_interval = sync::value_interval(stats.occupancy);
    }
    info.bytes_sent = stats.bytes_sent;
    info.bytes_received = stats.bytes_received;
    for (std::size_t i = 0; i < bearer::refusal_count; ++i) {
      if (stats.refused[i] > 0) info.refused[std::string(to_text(static_cast<bearer::Refusal>(i)))] = stats.refused[i];
    }
  }
  return out;
}

void Bearers::complete(api::LinkInfo& link, const model::KeyId& node) {
  for (const auto& bearer : bearers_) {
    if (bearer->spec.name != link.bearer || !bearer->links) continue;
    link.kind = bearer->spec.kind_name();
    link.profile.clear();  // the bearer says it
    const auto all = bearer->links->stats(now());
    if (bearer->spec.profile.rate_bps > 0) {
      link.occupancy_percent = all.occupancy * 100;
      link.position_interval = sync::value_interval(all.occupancy);
    }
    const auto found = all.neighbours.find(node);
    if (found == all.neighbours.end()) return;
    const auto& stats = found->second;
    link.round_trip = stats.round_trip;
    link.bytes_sent = stats.bytes_sent;
    link.bytes_received = stats.bytes_received;
    link.retransmissions = stats.fragments_again;
    link.loss_percent = stats.loss * 100;
    return;
  }
}

std::vector<std::string> Bearers::problems() const {
  std::vector<std::string> out;
  for (const auto& bearer : bearers_) {
    if (!bearer->save_problem.empty()) out.push_back(bearer->save_problem);
    if (bearer->meter && !bearer->meter->problem().empty()) out.push_back(bearer->meter->problem());
  }
  return out;
}

}  // namespace airbridge::app
