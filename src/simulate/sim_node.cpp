#include "simulate/sim_node.hpp"

#include <algorithm>

#include "picture/fold.hpp"
#include "store/reseal.hpp"

namespace airbridge::simulate {
namespace {
constexpr std::int64_t start_utc_ms = 1'767'225'600'000;  // 2026-01-01
constexpr std::size_t batch_jobs_max = 64;
constexpr std::size_t jobs_max = 10'000;
constexpr std::int64_t retry_start_ms = 20'000;

trust::SigningKey key_for(std::uint64_t seed, std::size_t index) {
  Rng rng(seed * 1000 + index);
  trust::SigningKey::Seed bytes;
  rng.fill(bytes.value);
  return trust::SigningKey::from_seed(bytes);
}
}  // namespace

SimNode::SimNode(Fleet& fleet, std::size_t index, OnOutput on_output)
    : fleet_(fleet),
      index_(index),
      on_output_(std::move(on_output)),
      key_(key_for(fleet.seed, index)),
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
  options.salt = static_cast<std::uint32_t>(fleet_.seed * 31 + index_);
  options.use_snapshot = false;
  options.created_by = "airbridge simulation";
  return options;
}

void SimNode::start() {
  if (life_) return;
  auto life = std::make_unique<Life>();
  life->number = ++lives_;
  if (!begin_life(*life)) {
    fleet_.timeline.in(retry_start_ms, [this] { start(); });
    return;
  }
  life_ = std::move(life);
  after_call();
}

bool SimNode::begin_life(Life& life) {
  auto log = store::Log::open(*disk_, fleet_.incident, log_options(), now().utc);
  if (!log) {
    fleet_.say("{} cannot start: {}", name(), log.error().what);
    return false;
  }
  life.log.emplace(std::move(*log));
  auto& report = life.log->report();
  Rng salt = rng_.fork();
  life.author.emplace(key_, fleet_.incident, 0, fleet_.data_keys, [salt]() mutable {
    trust::Author::Salt::result_type out;
    salt.fill(out.value);
    return out;
  });
  if (life.log->must_begin_new_incarnation(key_.id())) {
    if (!renew(life, life.log->why_new_incarnation(key_.id()))) return false;
  } else {
    life.author->begin_incarnation(life.log->incarnation()->incarnation);
    for (int c = 0; c < model::class_count; ++c) {
      const model::StreamId stream{*life.log->incarnation(), static_cast<model::Class>(c), {}};
      const auto head = life.log->head(stream);
      if (!head || head->seq == 0) continue;
      model::Hlc last;
      if (const auto entry = life.log->read_entry(stream, head->seq)) {
        if (const auto event = model::decode_event(entry->entry.public_part, entry->entry.dot())) last = event->time;
      }
      life.author->resume(static_cast<model::Class>(c), head->seq, head->head, last);
    }
  }
  if (const auto sealed = store::seal_own_events(*life.log, key_, now().utc); sealed && *sealed > 0)
    fleet_.say("{} seals {} of its streams again", name(), *sealed);
  life.view.emplace(*life.log, key_.id(), fleet_.options.bug);
  life.core.emplace(
      sync::Config{fleet_.incident, key_.id(), name(),
                   fleet_.options.bug == Bug::PriorityHole ? sync::Planted::PriorityHole : sync::Planted::None},
      *life.view);
  std::map<model::StreamId, std::set<std::uint64_t>> found;
  for (const auto& [stream, head] : life.log->heads()) {
    auto& seqs = found[stream];
    for (std::uint64_t seq = stream.is_branch() ? stream.branch.from : 1; seq <= head.seq; ++seq) {
      if (seq <= head.contiguous || life.log->read_entry(stream, seq)) seqs.insert(seq);
    }
  }
  fleet_.ledger.scanned(index_, found, [&](const Ledger::Promise& promise) {
    for (const auto& [stream, head] : life.log->heads()) {
      if (stream.base() != promise.dot.stream() || head.sealed_seq < promise.dot.seq) continue;
      const auto entry = life.log->read_entry(stream, promise.dot.seq);
      if (entry && entry->entry.public_part == promise.public_part) return true;
    }
    return false;
  });
  fleet_.say("{} starts: {} events, {} damaged places, {} bytes torn, writes as {:08x}", name(), life.log->entries(),
             report.damaged.size(), report.torn_bytes, life.author->writer().incarnation);
  return true;
}

bool SimNode::renew(Life& life, const std::string& why) {
  const auto number = static_cast<std::uint32_t>(rng_.below(0xFFFFFFFE)) + 1;
  const auto reason = incarnations_ == 0 ? store::IncarnationReason::Fresh : store::IncarnationReason::Doubt;
  const auto begun = life.log->begin_incarnation({key_.id(), number}, reason, now().utc);
  const auto synced = begun ? life.log->sync(now().utc) : store::StoreResult<std::uint64_t>(0);
  if (!begun || !synced) {
    fleet_.say("{} cannot begin a new incarnation: {}", name(), begun ? synced.error().what : begun.error().what);
    return false;
  }
  life.author->begin_incarnation(number);
  if (incarnations_++ > 0) ++fleet_.report.incarnations;
  fleet_.say("{} begins incarnation {:08x}: {}", name(), number, why);
  return true;
}

void SimNode::crash(store::SimDisk::Cut cut) {
  disk_->crash(cut);
  disk_->on_fdatasync({});
  cut_in_sync_ = {};
  if (!life_) return;
  ++fleet_.report.crashes;
  life_.reset();
}

std::map<std::string, Bytes> SimNode::image() const {
  std::map<std::string, Bytes> out;
  if (const auto names = disk_->list()) {
    for (const auto& name : *names) out[name] = disk_->content(name);
  }
  return out;
}

void SimNode::restore(const std::map<std::string, Bytes>& image) {
  crash(store::SimDisk::Cut::Lose);
  fleet_.ledger.hit(index_);
  old_disks_.push_back(std::move(disk_));
  disk_ = std::make_unique<store::SimDisk>(rng_());
  for (const auto& [name, bytes] : image) disk_->set_content(name, bytes);
}

void SimNode::user_acts() {
  if (!life_ || life_->jobs.size() >= jobs_max) return;
  life_->jobs.push_back({seen_.draw(rng_), std::nullopt});
  ++fleet_.report.events;
  write_some();
  after_call();
}

// Takes what waits into the log's buffer; the disk has it some time later.
void SimNode::write_some() {
  auto& life = *life_;
  if (life.writing || life.jobs.empty()) return;
  life.writing = true;
  life.batch = {};
  if (life.must_renew && renew(life, "after a failed write, or because a peer knew more of our own events")) {
    life.must_renew = false;
    life.core->durable(now());
  }
  for (std::size_t i = 0; i < batch_jobs_max && !life.jobs.empty(); ++i) {
    auto job = std::move(life.jobs.front());
    life.jobs.pop_front();
    if (job.draft) {
      write_own(life, *job.draft);
      continue;
    }
    const auto& accept = *job.accept;
    if (accept.author_key) (void)life.log->append_author_key(*accept.author_key, now().utc);
    const auto appended = life.log->append_accepted(accept.run, now().utc);
    if (!appended) {
      fleet_.say("{} cannot write {} of {}: {}", name(), accept.run.seal.seq, model::to_text(accept.run.seal.stream),
                 appended.error().what);
      life.batch.refused.push_back(accept.ticket);
      continue;
    }
    life.batch.entries.insert(life.batch.entries.end(), accept.run.entries.begin(), accept.run.entries.end());
    if (fleet_.options.bug == Bug::AckBeforeSync) {
      life.view->show_early(accept.run);
      life.core->accepted(accept.ticket, now());
    } else {
      life.batch.accepted.push_back(accept.ticket);
    }
  }
  const auto delay = disk_delay_ms_ + static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(disk_delay_ms_)));
  fleet_.timeline.in(delay, [this, number = life.number] { written(number); });
  if (fleet_.options.bug == Bug::AckBeforeSync || fleet_.options.bug == Bug::SendBeforeSync) {
    life.core->durable(now());
  }
}

void SimNode::write_own(Life& life, const model::Draft& draft) {
  if (life.must_renew) return;  // the user is told to try again
  auto made = life.author->make(draft, now().utc, model::ClockQuality::Rtc);
  if (!made)
    throw Failure{fmt::format("{}: a draft of the workload was refused: {}", name(),
                              made.error().faults.empty() ? "" : made.error().faults[0].message)};
  const auto mark = life.log->mark();
  for (const auto& own : *made) {
    const auto entry = life.log->append_entry(own.entry, {}, now().utc);
    const auto seal = entry ? life.log->append_seal(own.seal, now().utc) : entry;
    if (!seal) {
      life.log->rollback(mark);
      life.author->take_back(*made);
      fleet_.say("{} tells its user that it cannot save: {}", name(), seal.error().what);
      return;
    }
  }
  (void)life.log->append_author_key(key_.public_key(), now().utc);
  for (auto& own : *made) {
    if (fleet_.options.bug == Bug::SendBeforeSync) life.view->show_early({{own.entry}, own.seal});
    if (fleet_.options.bug == Bug::AckBeforeSync) promise(own);
    life.batch.entries.push_back(own.entry);
    life.batch.own.push_back(std::move(own));
  }
}

void SimNode::written(std::uint64_t life_number) {
  if (!life_ || life_->number != life_number) return;
  auto& life = *life_;
  if (auto then = std::exchange(cut_in_sync_, {})) {
    // Of what the disk was given, some may be there.
    disk_->on_fdatasync([disk = disk_.get()] { disk->crash(store::SimDisk::Cut::Mixed); });
    (void)life.log->sync(now().utc);
    return then();
  }
  const auto synced = life.log->sync(now().utc);
  life.writing = false;
  life.view->hide_early();
  auto batch = std::move(life.batch);
  if (synced) {
    fleet_.ledger.synced(index_, batch.entries);
    for (const auto& own : batch.own) {
      if (fleet_.options.bug != Bug::AckBeforeSync) promise(own);
    }
    for (const auto& entry : batch.entries) {
      if (const auto event = model::decode_event(entry.public_part, entry.dot())) seen_.note(entry.dot(), *event);
    }
    for (const auto ticket : batch.accepted) life.core->accepted(ticket, now());
  } else {
    fleet_.say("{} could not write: {}", name(), synced.error().what);
    life.author->take_back(batch.own);
    if (life.log->must_begin_new_incarnation(key_.id())) life.must_renew = true;
    for (const auto ticket : batch.accepted) life.core->refused(ticket, now());
  }
  for (const auto ticket : batch.refused) life.core->refused(ticket, now());
  life.core->durable(now());
  write_some();
  after_call();
}

void SimNode::promise(const trust::AuthoredEntry& own) {
  check_claim(own.entry.stream, own.entry.seq, "told a user that it is saved");
  fleet_.ledger.promise(index_, own.entry);
  ++fleet_.report.saved;
}

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

void SimNode::after_call() {
  if (!life_ || draining_) return;
  draining_ = true;
  while (life_) {
    auto outputs = life_->core->take_outputs();
    if (outputs.empty()) break;
    check_claims(outputs);
    check_priority(outputs);
    for (auto& output : outputs) {
      if (!life_) break;
      if (auto* accept = std::get_if<sync::Accept>(&output)) {
        life_->jobs.push_back({std::nullopt, std::move(*accept)});
        continue;
      }
      if (std::holds_alternative<sync::OwnStreamAhead>(output)) life_->must_renew = true;
      on_output_(index_, output);
    }
    if (life_) write_some();
  }
  draining_ = false;
  if (!life_) return;
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
