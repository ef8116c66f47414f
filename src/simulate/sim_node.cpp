#include "simulate/sim_node.hpp"

#include "simulate/describe.hpp"
#include "sync/heard.hpp"

#include <algorithm>

namespace airbridge::simulate {
namespace {
constexpr std::int64_t start_utc_ms = 1'767'225'600'000;  // 2026-01-01
constexpr std::int64_t retry_start_ms = 20'000;
constexpr std::int64_t ask_again_ms = 10'000;
constexpr int asked_max = 12;  // how often a user says the same before giving up
constexpr std::int64_t scrub_every_ms = 60'000;
constexpr std::size_t scrub_bytes = 64 * 1024;
constexpr std::string_view channel_file = "channel-";
constexpr std::string_view heard_file = "heard";
constexpr std::int64_t heard_every_ms = 60'000;

trust::SigningKey key_for(std::uint64_t seed, std::size_t index) {
  Rng rng(seed * 1000 + index);
  trust::SigningKey::Seed bytes;
  rng.fill(bytes.value);
  return trust::SigningKey::from_seed(bytes);
}
}  // namespace

SimNode::SimNode(Fleet& fleet, std::size_t index, OnOutput on_output, std::size_t key_of)
    : fleet_(fleet),
      index_(index),
      given_name_(fmt::format("N{}", key_of + 1)),
      on_output_(std::move(on_output)),
      key_(key_for(fleet.seed, key_of)),
      rng_(fleet.seed * 7919 + index),
      check_rng_(fleet.seed * 104'729 + index),
      disk_(std::make_unique<store::SimDisk>(rng_())) {}

Now SimNode::now() const {
  const auto ms = fleet_.timeline.now();
  return {utc_from_ms(start_utc_ms + ms + clock_offset_ms_), SteadyTime(Milliseconds(1'000'000 + ms))};
}

store::LogOptions SimNode::log_options() const {
  store::LogOptions options;
  options.segment_bytes = 64 * 1024;
  options.allocate_bytes = 16 * 1024;
  options.resume_free_bytes = 32 * 1024;
  options.commands_max = 200;
  options.salt = static_cast<std::uint32_t>(fleet_.seed * 31 + index_);
  options.created_by = "airbridge simulation";
  return options;
}

// ---- life and death -------------------------------------------------------------------------------------------------

void SimNode::start() {
  if (life_) return;
  life_ = std::make_unique<Life>();
  life_->number = ++lives_;
  if (!begin_life(*life_)) {
    life_.reset();
    fleet_.timeline.in(retry_start_ms, [this] { start(); });
    return;
  }
  for (const auto& [channel, state] : channel_states_) sit_down(channel);
  after_call();
  scrub();
  keep_heard();
}

std::unique_ptr<TimeAround> SimNode::make_around() {
  TimeAround::Handlers handlers;
  handlers.now = [this] { return now(); };
  handlers.disk_delay_ms = [this] { return disk_delay_ms_; };
  handlers.on_log = [this] { look_at_disk(false); };
  handlers.on_synced = [this](std::uint64_t from) { synced(from); };
  handlers.on_early = [this] {
    life_->core->durable(now());
    after_call();
  };
  handlers.on_disk = [this](const std::function<void()>& work) { return use_disk(work); };
  handlers.tell = [this](std::string_view line) { fleet_.say("{}: {}", name(), line); };
  return std::make_unique<TimeAround>(fleet_.timeline, *disk_, rng_.fork(), fleet_.options.bug, std::move(handlers));
}

bool SimNode::begin_life(Life& life) {
  life.around = make_around();
  ledger::Options options;
  options.log = log_options();
  options.snapshot_every = 20 + rng_.below(200);
  options.disk_free_min_bytes = 24 * 1024;
  // Of each three nodes one puts every record away at once, one keeps a few open, one all.
  constexpr std::size_t open_states[] = {0, 8, 100'000};
  options.fold.open_states_max = open_states[index_ % std::size(open_states)];
  ledger::Handlers handlers;
  handlers.on_durable = [this] {
    auto& own = *life_;
    if (own.incarnation != own.ledger->writer().incarnation) ++fleet_.report.incarnations;
    own.incarnation = own.ledger->writer().incarnation;
    own.core->durable(now());
    after_call();
  };
  trust::Grant grant;
  grant.key = key_.public_key();
  grant.name = given_name_;
  ledger::Identity identity{fleet_.incident,
                            fleet_.genesis,
                            key_,
                            fleet_.data_keys,
                            {trust::make_grant(*fleet_.authority, fleet_.incident, grant)}};
  life.ledger =
      std::make_unique<ledger::Ledger>(identity, std::move(options), std::move(handlers), *disk_, *life.around);
  if (const auto started = life.ledger->start(); !started) {
    fleet_.say("{} cannot start: {}", name(), started.error());
    return false;
  }
  const auto& report = life.ledger->open_report();
  if (report.new_incarnation && !report.why_new_incarnation.empty()) ++fleet_.report.incarnations;
  if (report.from_snapshot > 0) ++fleet_.report.snapshot_starts;
  life.incarnation = life.ledger->writer().incarnation;
  life.view = std::make_unique<PlantedView>(life.ledger->view(), *life.around, fleet_.options.bug);
  sync::Config config{fleet_.incident, key_.id(), given_name_,
                      fleet_.options.bug == Bug::PriorityHole ? sync::Planted::PriorityHole : sync::Planted::None};
  config.is_granted = [ledger = life.ledger.get()](const model::SealedRun& run) { return ledger->welcomes(run); };
  config.run = rng_() | 1;
  config.on_said = [this](const sync::Message& message) {
    if (fleet_.options.tell_frames) fleet_.say("    {} says by radio: {}", name(), describe(message));
    check_message(message);
  };
  life.core = std::make_unique<sync::Core>(std::move(config), *life.view);
  if (const auto heard = store::read_file(*disk_, heard_file, sync::heard_bytes_max)) {
    if (const auto known = life.core->recall(*heard); !known) {
      fleet_.say("{} cannot use what it heard before: {}", name(), known.error());
    } else if (*known > 0) {
      fleet_.say("{} remembers what {} others held", name(), *known);
      ++fleet_.report.recalled;
    }
  }
  fleet_.say("{} starts: {} events, from a snapshot of {}, writes as {:08x}", name(), report.events,
             report.from_snapshot, life.incarnation);
  return true;
}

void SimNode::stop() {
  if (!life_) return;
  ++fleet_.report.stops;
  save_heard();
  if (!life_) return;  // the power failed meanwhile
  life_->ledger->close();
  life_->around->stop();
  life_.reset();
}

void SimNode::crash(store::SimDisk::Cut cut) {
  disk_->crash(cut);
  disk_->on_fdatasync({});
  cut_in_sync_ = {};
  if (!life_) return;
  ++fleet_.report.crashes;
  life_.reset();
}

bool SimNode::use_disk(const std::function<void()>& work) {
  auto then = std::exchange(cut_in_sync_, {});
  // Of what the disk was given, some may be there.
  if (then) disk_->on_fdatasync([disk = disk_.get()] { disk->crash(store::SimDisk::Cut::Mixed); });
  work();
  if (!then) return true;
  then();
  return false;
}

std::map<std::string, Bytes> SimNode::image() const {
  std::map<std::string, Bytes> out;
  if (const auto names = disk_->list()) {
    for (const auto& name : *names) out[name] = disk_->content(name);
  }
  for (const auto& [channel, state] : channel_states_) out[fmt::format("{}{}", channel_file, channel)] = state;
  return out;
}

void SimNode::restore(const std::map<std::string, Bytes>& image) {
  crash(store::SimDisk::Cut::Lose);
  rotted();
  old_disks_.push_back(std::move(disk_));
  disk_ = std::make_unique<store::SimDisk>(rng_());
  for (const auto& [file, bytes] : image) {
    if (!file.starts_with(channel_file)) disk_->set_content(file, bytes);
  }
  for (auto& [channel, state] : channel_states_) {
    const auto kept = image.find(fmt::format("{}{}", channel_file, channel));
    state = kept == image.end() ? Bytes{} : kept->second;
  }
  if (radios_ != nullptr) radios_->forget(index_);
}

void SimNode::rotted() {
  fleet_.oracle.hit(index_);
  scrubs_ = 0;
}

void SimNode::save_heard() {
  const auto heard = life_->core->heard();
  use_disk([&] { (void)store::write_file_atomically(*disk_, heard_file, heard); });
}

void SimNode::keep_heard() {
  fleet_.timeline.in(heard_every_ms, [this, number = life_->number] {
    if (!life_ || life_->number != number) return;
    save_heard();
    if (life_ && life_->number == number) keep_heard();
  });
}

// As the node's scrubbing thread and its status do.
void SimNode::scrub() {
  fleet_.timeline.in(scrub_every_ms, [this, number = life_->number] {
    if (!life_ || life_->number != number) return;
    ++scrubs_;
    const auto found = life_->around->log().scrub(scrub_bytes);
    fleet_.report.scrubbed += found;
    life_->ledger->look_for_damage();
    (void)life_->ledger->store_state();
    // Each piece ends with its segment at the latest, so once round takes two a segment and some.
    const auto round = 2 * life_->around->log().extents().size() + 2;
    if (fleet_.oracle.is_hit(index_) && scrubs_ >= round && !life_->around->is_writing())
      look_at_disk(scrubs_ >= 3 * round);
    scrub();
  });
}

// ---- users ----------------------------------------------------------------------------------------------------------

void SimNode::user_acts() {
  if (!life_) return;
  Wish wish{seen_.draw(rng_), 0};
  model::CommandId id;
  rng_.fill(id.value);
  wish.draft.command = id;
  ++fleet_.report.events;
  ask(std::move(wish));
  after_call();
}

void SimNode::says(const model::Observation& observation) {
  if (!life_) return;
  life_->core->last_value(observation, now());
  after_call();
}

void SimNode::ask_later(Wish wish) {
  if (++wish.asked >= asked_max) return;
  fleet_.timeline.in(ask_again_ms, [this, wish = std::move(wish)]() mutable {
    if (!life_) return ask_later(std::move(wish));
    ask(std::move(wish));
    after_call();
  });
}

void SimNode::ask(Wish wish) {
  const auto heard = std::make_shared<bool>(false);
  auto draft = wish.draft;
  life_->ledger->command(std::move(draft), [this, wish, heard](const ledger::CommandResult& result) {
    *heard = true;
    answered(wish, result);
    after_call();
  });
  // An answer that a crash swallowed is asked for again.
  fleet_.timeline.in(ask_again_ms * 6, [this, wish, heard] {
    if (!*heard) ask_later(wish);
  });
}

void SimNode::answered(const Wish& wish, const ledger::CommandResult& result) {
  if (result) {
    if (result->repeated) ++fleet_.report.repeated;
    for (const auto& dot : result->dots) promise(dot);
    return;
  }
  const auto why = result.error().why;
  if (why == ledger::Refused::Invalid || why == ledger::Refused::NotAllowed || why == ledger::Refused::IdUsed)
    throw Failure{fmt::format("{}: a draft of the workload was refused: {}", name(), result.error().message)};
  ++fleet_.report.refused;
  ask_later(wish);
}

// ---- the core's wishes ----------------------------------------------------------------------------------------------

sync::PeerId SimNode::connect(sync::LinkProfile link) {
  if (!life_) return 0;
  return life_->core->connect(std::move(link), now());  // the caller calls on through after_call()
}
void SimNode::disconnect(sync::PeerId peer, const std::string& why) {
  if (!life_) return;
  life_->core->disconnect(peer, why, now());
  after_call();
}
void SimNode::receive(sync::PeerId peer, ByteView bytes) {
  if (!life_) return;
  life_->core->receive(peer, bytes, now());
  after_call();
}
void SimNode::drained(sync::PeerId peer) {
  if (!life_) return;
  life_->core->drained(peer, now());
  after_call();
}

void SimNode::set_budget(sync::PeerId peer, std::optional<std::uint64_t> bytes_left) {
  if (!life_) return;
  life_->core->set_budget(peer, bytes_left, now());
  after_call();
}

// ---- radio channels -------------------------------------------------------------------------------------------------

void SimNode::join(Radios& radios, std::size_t channel) {
  radios_ = &radios;
  channel_states_[channel];
}

void SimNode::sit_down(std::size_t channel) {
  bearer::Setup setup;
  setup.profile = radios_->profile(channel);
  setup.profile.name = fmt::format("radio {}", channel + 1);
  setup.node = key_.id();
  setup.key.value.fill(static_cast<std::uint8_t>(channel + 1));
  setup.start = rng_() | 1;
  setup.state = channel_states_[channel];
  if (fleet_.options.bug == Bug::ReplayWindowLost) setup.planted = bearer::Planted::ReplayWindowLost;
  exchange::Handlers handlers;
  handlers.transmit = [this, channel](Bytes frame, Milliseconds) { radios_->send(channel, index_, std::move(frame)); };
  handlers.save = [this, channel, number = life_->number](Bytes state) {
    fleet_.timeline.in(disk_delay_ms_, [this, channel, number, state = std::move(state)]() mutable {
      if (!life_ || life_->number != number) return;
      channel_states_[channel] = std::move(state);
      life_->seats.at(channel).links->saved(now());
      after_call();
    });
  };
  handlers.state_was_old = [this](const model::KeyId&) {
    fleet_.say("{} is told that its saved counters are older than what it has used", name());
  };
  static const bearer::PlainSqueezer squeezer;
  sync::LinkProfile base;
  base.address = radios_->name_of(channel);
  base.cost = 1;
  auto& seat = life_->seats[channel];
  seat.links =
      std::make_unique<exchange::ChannelLinks>(*life_->core, std::move(base), static_cast<std::uint32_t>(channel + 1),
                                               std::move(setup), squeezer, rng_.fork(), std::move(handlers), now());
  seat.links->set_members(fleet_.members, now());
}

void SimNode::watch_seat(std::size_t channel) {
  auto& seat = life_->seats.at(channel);
  const auto next = seat.links->next_deadline();
  if (!next) return;
  const auto at = std::max(next->time_since_epoch().count() - 1'000'000, fleet_.timeline.now() + 1);
  if (seat.wake_at > fleet_.timeline.now() && seat.wake_at <= at) return;
  seat.wake_at = at;
  fleet_.timeline.at(at, [this, channel, number = life_->number, at] {
    if (!life_ || life_->number != number || life_->seats.at(channel).wake_at != at) return;
    life_->seats.at(channel).links->poll(now());
    after_call();
  });
}

bool SimNode::radio_receive(std::size_t channel, ByteView frame) {
  if (!life_) return false;
  auto& links = *life_->seats.at(channel).links;
  const auto before = links.stats(now()).frames_received;
  links.receive(frame, now());
  const bool taken = links.stats(now()).frames_received > before;
  after_call();
  return taken;
}

void SimNode::accept(sync::Accept accept) {
  life_->ledger->accept(std::move(accept.run), accept.author_key,
                        [this, ticket = accept.ticket](ledger::Accepted outcome, const std::string& why) {
                          auto& core = *life_->core;
                          if (outcome == ledger::Accepted::Written) {
                            core.accepted(ticket, now());
                          } else if (outcome == ledger::Accepted::Refused) {
                            ++fleet_.report.rejected;
                            core.rejected(ticket, why, now());
                          } else {
                            core.refused(ticket, now());
                          }
                          after_call();
                        });
}

bool SimNode::offer_contradiction() {
  if (!life_) return false;
  auto& log = life_->around->log();
  for (const auto& [stream, head] : log.heads()) {
    if (stream.is_branch() || head.sealed_seq == 0) continue;
    auto entry = log.read_entry(stream, head.sealed_seq);
    if (!entry) continue;
    model::SealedRun run;
    run.entries.push_back(entry->entry);
    run.entries.back().public_part.push_back(0);
    const auto before = log.chain_at(stream, head.sealed_seq - 1);
    if (!before) continue;
    run.seal.stream = stream;
    run.seal.seq = head.sealed_seq;
    run.seal.head = model::chain_next(*before, run.entries.back());
    life_->ledger->accept(run, std::nullopt, [this](ledger::Accepted outcome, const std::string&) {
      if (outcome == ledger::Accepted::Written)
        throw Failure{fmt::format("{} took another content of an event", name())};
      if (outcome == ledger::Accepted::Refused) ++fleet_.report.rejected;
    });
    return true;
  }
  return false;
}

void SimNode::after_call() {
  if (!life_ || draining_ || !life_->core) return;
  draining_ = true;
  while (life_) {
    auto outputs = life_->core->take_outputs();
    if (outputs.empty()) break;
    check_claims(outputs);
    check_priority(outputs);
    for (auto& output : outputs) {
      if (!life_) break;
      if (auto* wanted = std::get_if<sync::Accept>(&output)) {
        accept(std::move(*wanted));
        continue;
      }
      if (const auto* fork = std::get_if<sync::ForkFound>(&output)) life_->ledger->forked(fork->branch);
      if (const auto* ahead = std::get_if<sync::OwnStreamAhead>(&output)) {
        life_->ledger->begin_incarnation(fmt::format("another node holds {} events of stream {}, this one {}",
                                                     ahead->there, model::to_text(ahead->stream), ahead->here));
      }
      for (auto& [channel, seat] : life_->seats) seat.links->heed(output, now());
      on_output_(index_, output);
    }
  }
  draining_ = false;
  if (!life_) return;
  for (const auto& [channel, seat] : life_->seats) watch_seat(channel);
  const auto next = life_->core->next_deadline();
  if (!next) return;
  const auto at = std::max(next->time_since_epoch().count() - 1'000'000, fleet_.timeline.now() + 1);
  if (life_->wake_at > fleet_.timeline.now() && life_->wake_at <= at) return;
  life_->wake_at = at;
  fleet_.timeline.at(at, [this, number = life_->number, at] {
    if (!life_ || life_->number != number || life_->wake_at != at) return;
    life_->core->poll(now());
    after_call();
  });
}

}  // namespace airbridge::simulate
