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
    const auto& known = std::get<sync::Message>(*message);
    if (const auto* run = std::get_if<sync::Run>(&known)) {
      auto stream = run->stream;
      // Its own side of a fork may be sent under the branch's name from where it stands in the base stream.
      if (stream.is_branch() && !fleet_.ledger.holds(index_, stream, run->entries.back().seq)) stream = stream.base();
      check_claim(stream, run->entries.back().seq, "sent");
    } else if (const auto* ack = std::get_if<sync::Ack>(&known)) {
      for (const auto& item : ack->items) check_claim(item.stream, item.seq, "acknowledged");
    } else if (const auto* vector = std::get_if<sync::VectorMessage>(&known)) {
      for (const auto& item : vector->items) check_claim(item.stream, item.seq, "advertised");
    }
  }
}

void SimNode::check_claim(const model::StreamId& stream, std::uint64_t seq, std::string_view what) {
  ++fleet_.report.claims;
  if (seq > 0 && !fleet_.ledger.holds(index_, stream, seq)) {
    throw Failure{fmt::format("{} {}: event {} of {}, but its disk holds {} of it", name(), what, seq,
                              model::to_text(stream), fleet_.ledger.held(index_, stream))};
  }
  if (seq > 0 && !fleet_.ledger.is_hit(index_) && check_rng_.chance(fleet_.options.disk_checks)) {
    check_disk(stream, seq, what);
  }
}

// The proof by the disk itself: a copy of it is opened as after a power cut.
void SimNode::check_disk(const model::StreamId& stream, std::uint64_t seq, std::string_view what) {
  ++fleet_.report.disk_checks;
  store::SimDisk copy(1);
  for (const auto& [name, bytes] : image()) copy.set_content(name, bytes);
  const auto log = store::Log::open(copy, fleet_.incident, log_options(), now().utc);
  if (!log) throw Failure{fmt::format("{}: a copy of its disk does not open: {}", name(), log.error().what)};
  const auto held = sync::held_of(log->vector(), stream);
  if (held < seq) {
    throw Failure{fmt::format("{} {}: event {} of {}, but a power cut now would leave {}", name(), what, seq,
                              model::to_text(stream), held)};
  }
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

model::VersionVector SimNode::counted() { return sync::cut_at_forks(life_->view->vector(), *life_->view); }

bool SimNode::holds(const Ledger::Promise& promise) {
  for (const auto& [stream, seq] : counted()) {
    if (stream.base() != promise.dot.stream() || seq < promise.dot.seq) continue;
    const auto entry = life_->log->read_entry(stream, promise.dot.seq);
    if (entry && entry->entry.public_part == promise.public_part) return true;
  }
  return false;
}

model::Hash SimNode::state_hash() {
  picture::Fold fold(fleet_.incident, fleet_.genesis);
  for (const auto& [base, from] : sync::proven_forks(life_->view->vector(), *life_->view)) fold.fork(base, from);
  std::uint64_t arrival = 0;
  const auto held = counted();
  for (const auto& [stream, head] : life_->log->heads()) {
    // As a node folds it at its start: with what lies behind the last seal, which must not be there at one node alone.
    // What a fork cuts off stays off.
    auto last = sync::held_of(held, stream);
    if (last == head.sealed_seq) last = std::max(last, head.contiguous);
    for (std::uint64_t seq = stream.is_branch() ? stream.branch.from : 1; seq <= last; ++seq) {
      const auto stored = life_->log->read_entry(stream, seq);
      if (!stored) throw Failure{fmt::format("{} lacks event {} of {}", name(), seq, model::to_text(stream))};
      const auto& entry = stored->entry;
      picture::FoldEvent event;
      event.dot = entry.dot();
      event.branch = stream.branch;
      if (auto decoded = model::decode_event(entry.public_part, entry.dot())) {
        event.event = std::make_shared<const model::Event>(std::move(*decoded));
      }
      if (entry.private_part.state == model::PrivatePart::State::Here) {
        auto opened =
            trust::open_private(entry.private_part.ciphertext, entry.dot(), fleet_.incident, fleet_.data_keys);
        event.private_state = opened ? picture::PrivateState::Here : picture::PrivateState::Lacking;
        if (opened) event.private_writes = std::move(*opened);
      }
      event.bytes = entry.size();
      event.arrival = ++arrival;
      fold.apply(event);
    }
  }
  return fold.state_hash();
}

}  // namespace airbridge::simulate
