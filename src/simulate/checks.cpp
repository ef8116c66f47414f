// What is asserted of a node: its claims at the moment it makes them, and what it holds in the end.
#include "picture/fold.hpp"
#include "simulate/sim_node.hpp"
#include "sync/frame.hpp"
#include "sync/vector.hpp"

namespace airbridge::simulate {

void SimNode::check_claims(const std::vector<sync::Output>& outputs) {
  for (const auto& output : outputs) {
    const auto* send = std::get_if<sync::Send>(&output);
    if (send == nullptr) continue;
    const auto type = static_cast<sync::MessageType>(send->bytes[4]);
    if (type != sync::MessageType::Run && type != sync::MessageType::Ack && type != sync::MessageType::Vector) continue;
    const auto payload =
        ByteView(send->bytes).subspan(sync::frame_head_bytes, send->bytes.size() - sync::frame_overhead_bytes);
    const auto message = sync::decode(send->bytes[4], payload);
    if (!message) throw Failure{fmt::format("{} made a frame that cannot be read", name())};
    check_message(std::get<sync::Message>(*message));
  }
}

void SimNode::check_message(const sync::Message& message) {
  if (const auto* run = std::get_if<sync::Run>(&message)) {
    auto stream = run->stream;
    // Its own side of a fork may be sent under the branch's name from where it stands in the base stream.
    if (stream.is_branch() && !fleet_.oracle.holds(index_, stream, run->entries.back().seq)) stream = stream.base();
    check_claim(stream, run->entries.back().seq, "sent");
  } else if (const auto* ack = std::get_if<sync::Ack>(&message)) {
    for (const auto& item : ack->items) check_claim(item.stream, item.seq, "acknowledged");
  } else if (const auto* vector = std::get_if<sync::VectorMessage>(&message)) {
    for (const auto& item : vector->items) check_claim(item.stream, item.seq, "advertised");
  }
}

void SimNode::check_claim(const model::StreamId& stream, std::uint64_t seq, std::string_view what) {
  ++fleet_.report.claims;
  if (seq > 0 && !fleet_.oracle.holds(index_, stream, seq)) {
    throw Failure{fmt::format("{} {}: event {} of {}, but its disk holds {} of it", name(), what, seq,
                              model::to_text(stream), fleet_.oracle.held(index_, stream))};
  }
  if (seq > 0 && !fleet_.oracle.is_hit(index_) && check_rng_.chance(fleet_.options.disk_checks)) {
    check_disk(stream, seq, what);
  }
}

// The proof by the disk itself: what a power cut would leave of it is opened and read, all of it.
void SimNode::check_disk(const model::StreamId& stream, std::uint64_t seq, std::string_view what) {
  ++fleet_.report.disk_checks;
  const auto copy = copy_of_disk();
  const auto log = open_whole(*copy);
  if (!log) throw Failure{fmt::format("{}: a copy of its disk does not open: {}", name(), log.error().what)};
  const auto held = sync::held_of(log->vector(), stream);
  if (held < seq) {
    throw Failure{fmt::format("{} {}: event {} of {}, but a power cut now would leave {}", name(), what, seq,
                              model::to_text(stream), held)};
  }
}

std::unique_ptr<store::SimDisk> SimNode::copy_of_disk() const {
  auto copy = std::make_unique<store::SimDisk>(1);
  for (const auto& [file, bytes] : disk_->durable_files()) copy->set_content(file, bytes);
  return copy;
}

store::StoreResult<store::Log> SimNode::open_whole(store::SimDisk& disk) const {
  auto options = log_options();
  options.use_snapshot = false;
  return store::Log::open(disk, fleet_.incident, options, now().utc);
}

// What the log believes to hold against what the disk holds, at the start and, once the disk was hit, when the scrub
// has been round. `found_all`: the scrub has had time to find all damage.
void SimNode::look_at_disk(bool found_all) {
  auto& log = life_->around->log();
  const auto copy = copy_of_disk();
  auto whole = open_whole(*copy);
  if (!whole) throw Failure{fmt::format("{}: a copy of its disk does not open: {}", name(), whole.error().what)};
  std::map<model::StreamId, std::vector<std::uint64_t>> found;
  bool knows = true;
  const auto heads = log.heads();
  for (const auto& [stream, head] : heads) {
    auto& seqs = found[stream];
    for (std::uint64_t seq = stream.is_branch() ? stream.branch.from : 1; seq <= head.seq; ++seq) {
      if (seq <= head.contiguous || whole->read_entry(stream, seq)) seqs.push_back(seq);
    }
    const auto there = whole->head(stream);
    if (there && there->sealed_seq >= head.sealed_seq) continue;
    knows = head.sealed_seq == 0 && knows;
    if (knows || (fleet_.oracle.is_hit(index_) && !found_all)) continue;
    throw Failure{fmt::format("{} believes to hold {} events of {}, its disk holds {}", name(), head.sealed_seq,
                              model::to_text(stream), there ? there->sealed_seq : 0)};
  }
  const auto there = whole->vector();
  fleet_.oracle.scanned(index_, found, [&](const Oracle::Promise& promise) {
    const auto base = promise.dot.stream();
    for (auto it = there.lower_bound(base); it != there.end() && it->first.base() == base; ++it) {
      const auto& [stream, sealed] = *it;
      if (sealed < promise.dot.seq) continue;
      const auto entry = whole->read_entry(stream, promise.dot.seq);
      if (entry && entry->entry.public_part == promise.public_part) return true;
    }
    return false;
  });
  if (!knows) fleet_.oracle.doubt(index_);
}

// The disk holds all records of the log from this arrival number on, for the sync has returned.
void SimNode::synced(std::uint64_t from) {
  auto& log = life_->around->log();
  while (from <= log.durable_arrival()) {
    const auto records = log.read_from(from, 1'000, 1 << 20);
    if (!records || records->empty()) return;
    std::vector<model::Entry> entries;
    for (const auto& record : *records) {
      if (auto entry = store::as_entry(record)) entries.push_back(std::move(entry->entry));
    }
    fleet_.oracle.synced(index_, entries);
    for (const auto& entry : entries) {
      if (const auto event = model::decode_event(entry.public_part, entry.dot())) seen_.note(entry.dot(), *event);
    }
    from = records->back().header.arrival + 1;
  }
}

void SimNode::promise(const model::Dot& dot) {
  check_claim(dot.stream(), dot.seq, "told a user that it is saved");
  const auto entry = life_->around->log().read_entry(dot.stream(), dot.seq);
  if (!entry) {
    if (fleet_.oracle.is_hit(index_)) return;
    throw Failure{fmt::format("{} told a user that {} is saved and cannot read it", name(), model::to_text(dot))};
  }
  fleet_.oracle.promise(index_, entry->entry);
  ++fleet_.report.saved;
}

bool SimNode::is_quiet() {
  return life_ && life_->ledger->waiting() == 0 && !life_->around->is_writing() && !fleet_.oracle.is_hit(index_) &&
         life_->ledger->store_state().refusing.empty();
}

// Within what one call gave out, nothing urgent may stand behind something that is not.
void SimNode::check_priority(const std::vector<sync::Output>& outputs) {
  std::map<sync::PeerId, model::Class> lowest;
  for (const auto& output : outputs) {
    const auto* send = std::get_if<sync::Send>(&output);
    if (send == nullptr || !send->cls) continue;
    auto [known, first] = lowest.try_emplace(send->peer, *send->cls);
    if (*send->cls == model::Class::Urgent && known->second != model::Class::Urgent) {
      throw Failure{
          fmt::format("{} sent an urgent event behind events of class {}", name(), static_cast<int>(known->second))};
    }
    known->second = std::max(known->second, *send->cls);
  }
}

model::VersionVector SimNode::counted() {
  return sync::cut_at_forks(life_->ledger->view().vector(), life_->ledger->view());
}

bool SimNode::holds(const Oracle::Promise& promise, const model::VersionVector& counted) {
  // A stream, then its branches.
  const auto base = promise.dot.stream();
  for (auto it = counted.lower_bound(base); it != counted.end() && it->first.base() == base; ++it) {
    const auto& [stream, seq] = *it;
    if (seq < promise.dot.seq) continue;
    const auto entry = life_->around->log().read_entry(stream, promise.dot.seq);
    if (entry && entry->entry.public_part == promise.public_part) return true;
  }
  return false;
}

model::Hash SimNode::shown_hash() { return life_->ledger->state_hash(); }

std::map<model::StreamId, std::pair<std::uint64_t, model::Hash>> SimNode::counted_heads() {
  std::map<model::StreamId, std::pair<std::uint64_t, model::Hash>> out;
  const auto& view = life_->ledger->view();
  for (const auto& [stream, seq] : counted()) {
    out[stream] = {seq, view.chain_at(stream, seq).value_or(model::Hash{})};
  }
  return out;
}

store::Head SimNode::head(const model::StreamId& stream) {
  return life_->around->log().head(stream).value_or(store::Head{});
}

model::Hash SimNode::folded_hash() {
  auto& log = life_->around->log();
  picture::Fold fold(fleet_.incident, fleet_.genesis);
  for (const auto& [base, from] : forks()) fold.fork(base, from);
  std::uint64_t arrival = 0;
  const auto held = counted();
  const auto holes = log.holes();
  for (const auto& [stream, head] : log.heads()) {
    // As a node folds it at its start: with what lies behind the last seal, which must not be there at one node alone,
    // unless rot took the seal with which it came and nobody has it any more. What a fork cuts off stays off.
    auto last = sync::held_of(held, stream);
    const bool has_lost = std::ranges::any_of(holes, [&](const auto& hole) { return hole.stream == stream; });
    if (last == head.sealed_seq && !has_lost) last = std::max(last, head.contiguous);
    for (std::uint64_t seq = stream.is_branch() ? stream.branch.from : 1; seq <= last; ++seq) {
      const auto stored = log.read_entry(stream, seq);
      if (!stored) throw Failure{fmt::format("{} lacks event {} of {}", name(), seq, model::to_text(stream))};
      fold.apply(ledger::to_fold_event(stored->entry, ++arrival, {}, fleet_.incident, fleet_.data_keys));
    }
  }
  return fold.state_hash();
}

std::map<model::StreamId, std::uint64_t> SimNode::forks() {
  const auto& view = life_->ledger->view();
  return sync::proven_forks(view.vector(), view);
}

bool SimNode::has_holes() { return !life_->around->log().holes().empty(); }

}  // namespace airbridge::simulate
