#include "bundle/intake.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "sync/frame.hpp"
#include "sync/limits.hpp"

namespace airbridge::bundle {
namespace {

std::size_t size_of(const std::vector<model::Entry>& entries) {
  std::size_t size = 0;
  for (const auto& entry : entries) size += entry.size() + sizeof(model::Entry);
  return size;
}

// Nobody's: the file itself is nobody, and this node reads what it wrote itself like anything else.
model::KeyId courier() {
  const auto hash = blake2b<16>({as_bytes("airbridge courier")});
  return *model::KeyId::from(hash);
}

}  // namespace

Intake::Intake(const sync::Config& config, const sync::LogView& log, Now now, std::set<model::Dot> lacking)
    : log_(log), incident_(config.incident), core_(config, log), lacking_(std::move(lacking)) {
  sync::LinkProfile link;
  link.address = "a bundle";
  file_ = core_.connect(link, now);
  // It never says what it holds, so nothing is ever sent to it.
  sync::Hello hello{sync::protocol_version, incident_, courier(), "bundle", 1, {}, 0};
  hello.digest.fill(0xFF);
  core_.receive(file_, sync::encode(hello), now);
  (void)collect();
}

void Intake::add(Bytes frames) {
  frames_ = std::move(frames);
  at_ = 0;
}

std::vector<sync::Output> Intake::work(std::size_t bytes_max, Now now) {
  if (on_the_way_.empty() && !held_back_.empty()) {
    // What they waited for (the grant of their author) is folded now.
    for (const auto& run : std::exchange(held_back_, {})) offer(run, Turn::Second, now);
    held_back_bytes_ = 0;
  }
  const auto end = at_ + bytes_max;
  while (stopped_.empty() && at_ < frames_.size() && at_ < end && on_the_way_bytes_ < on_the_way_bytes_max) {
    const auto rest = ByteView(frames_).subspan(at_);
    sync::FrameReader reader;
    const auto error = reader.feed(rest, [&](std::uint8_t type, ByteView payload, std::uint64_t) {
      at_ += payload.size() + sync::frame_overhead_bytes;
      take_frame(type, payload, now);
      return stopped_.empty() && at_ < end && on_the_way_bytes_ < on_the_way_bytes_max;
    });
    if (error || reader.held_bytes() > 0) {
      // Chunks have their own checksum: whoever wrote this one wrote it so.
      ++tally_.broken_frames;
      at_ = frames_.size();
    }
  }
  if (at_ >= frames_.size()) {
    frames_.clear();
    at_ = 0;
  }
  return std::exchange(outputs_, {});
}

void Intake::take_frame(std::uint8_t type, ByteView payload, Now now) {
  auto decoded = sync::decode(type, payload);
  if (!decoded) {
    ++tally_.broken_frames;
    return;
  }
  auto* message = std::get_if<sync::Message>(&*decoded);
  if (message == nullptr) {
    ++tally_.unknown_messages;
    return;
  }
  if (std::holds_alternative<sync::Keys>(*message)) {
    core_.receive(file_, sync::make_frame(type, payload), now);
    (void)collect();
  } else if (auto* run = std::get_if<sync::Run>(message)) {
    take_run(std::move(*run), now);
  } else {
    ++tally_.unknown_messages;  // nothing else has a meaning in a file
  }
}

void Intake::take_run(sync::Run run, Now now) {
  auto& part = parts_[run.stream];
  parts_bytes_ -= size_of(part);
  if (!part.empty() && part.back().seq + 1 != run.entries.front().seq) part.clear();
  std::move(run.entries.begin(), run.entries.end(), std::back_inserter(part));
  if (run.seal) {
    const model::SealedRun whole{std::move(part), *run.seal};
    parts_.erase(run.stream);
    return offer(whole, Turn::First, now);
  }
  parts_bytes_ += size_of(part);
  if (parts_bytes_ <= sync::staging_bytes_max && parts_.size() <= sync::staged_streams_max) return;
  parts_bytes_ -= size_of(part);
  refuse({part, {}}, name_of(sync::Reason::Oversized));
  parts_.erase(run.stream);
}

// What the core said to the last that was offered; its wishes go to the caller.
std::optional<sync::RunRefused> Intake::collect() {
  std::optional<sync::RunRefused> said;
  for (auto& output : core_.take_outputs()) {
    if (const auto* send = std::get_if<sync::Send>(&output)) {
      sync::FrameReader reader;
      (void)reader.feed(send->bytes, [&](std::uint8_t type, ByteView payload, std::uint64_t) {
        auto decoded = sync::decode(type, payload);
        const auto* message = decoded ? std::get_if<sync::Message>(&*decoded) : nullptr;
        if (const auto* refused = message != nullptr ? std::get_if<sync::RunRefused>(message) : nullptr)
          said = *refused;
        return true;
      });
    } else if (auto* accept = std::get_if<sync::Accept>(&output)) {
      OnTheWay way{accept->run.entries, size_of(accept->run.entries), false};
      if (accept->peer != file_) way.entries.clear();  // the log's own, under another name
      accepted_now_ += way.entries.size();
      on_the_way_bytes_ += way.bytes;
      on_the_way_.emplace(accept->ticket, std::move(way));
      outputs_.push_back(std::move(output));
    } else if (const auto* close = std::get_if<sync::Close>(&output)) {
      if (stopped_.empty()) stopped_ = close->why;
    } else if (std::holds_alternative<sync::ForkFound>(output) ||
               std::holds_alternative<sync::OwnStreamAhead>(output) || std::holds_alternative<sync::Refused>(output)) {
      if (const auto* fork = std::get_if<sync::ForkFound>(&output)) tally_.forked.insert(fork->branch.base());
      outputs_.push_back(std::move(output));
    }
  }
  return said;
}

void Intake::refuse(const model::SealedRun& run, std::string_view why) {
  const auto found = tally_.refused.find(why);
  (found == tally_.refused.end() ? tally_.refused[std::string(why)] : found->second) += run.entries.size();
}

// To the core such a run is one that is held. The content here names the ciphertext by its hash, so what fits it is
// the author's, whatever stands around it in the file. It goes to the log alone and with no seal: the seal named is the
// next one's, of which nothing is said.
void Intake::take_private_parts(const model::SealedRun& run) {
  for (const auto& entry : run.entries) {
    if (entry.private_part.state != model::PrivatePart::State::Here || entry.stream.is_branch()) continue;
    const auto lacking = lacking_.find(entry.dot());
    if (lacking == lacking_.end()) continue;
    const auto held = log_.runs_after(entry.stream, entry.seq - 1, 1);
    if (held.empty()) continue;
    const auto& here = held.front().entries.front();
    if (here.seq != entry.seq || here.public_part != entry.public_part ||
        here.private_part != model::PrivatePart::withheld(entry.private_part.hash))
      continue;
    lacking_.erase(lacking);
    model::SealedRun alone{{entry}, {}};
    alone.seal.stream = entry.stream;
    alone.seal.seq = entry.seq + 1;
    OnTheWay way{alone.entries, size_of(alone.entries), true};
    on_the_way_bytes_ += way.bytes;
    on_the_way_.emplace(++last_private_, std::move(way));
    outputs_.push_back(sync::Accept{last_private_, file_, std::move(alone), std::nullopt});
  }
}

void Intake::offer(const model::SealedRun& run, Turn turn, Now now) {
  const auto stream = run.seal.stream;
  if (turn == Turn::First && !lacking_.empty()) take_private_parts(run);
  if (const auto branch = branches_.find(stream);
      branch != branches_.end() && run.entries.front().seq > branch->second.branch.from) {
    auto other = run;
    other.seal.stream = branch->second;
    return offer(other, turn, now);
  }
  const auto duplicates = [&] {
    const auto peers = core_.peers();
    return peers.empty() ? 0 : peers.front().events_duplicate;
  };
  const auto known_before = duplicates();
  accepted_now_ = 0;
  core_.receive(file_, sync::encode_run(stream, run.entries, &run.seal, true), now);
  const auto said = collect();
  const bool is_fork = said && said->reason == sync::Reason::Forked;
  if (accepted_now_ > 0 && (!said || is_fork)) {
    // A fork that this run proved: what follows in the file goes on its branch.
    if (const auto branch = is_fork ? as_branch(run) : std::nullopt) branches_[stream] = branch->seal.stream;
    tally_.events_known += run.entries.size() - std::min<std::uint64_t>(accepted_now_, run.entries.size());
    return;
  }
  if (!stopped_.empty()) return refuse(run, stopped_);
  if (!said) {
    if (duplicates() > known_before) {
      tally_.events_known += run.entries.size();
    } else {
      tally_.gaps.try_emplace(stream, Tally::Gap{0, run.entries.front().seq});  // told before
    }
    return;
  }
  switch (said->reason) {
    case sync::Reason::Gap: {
      auto& gap = tally_.gaps.try_emplace(stream, Tally::Gap{0, run.entries.front().seq}).first->second;
      gap.first = std::min(gap.first, run.entries.front().seq);
      return;
    }
    case sync::Reason::Busy:
    case sync::Reason::UnknownAuthor:
      if (turn == Turn::First && !on_the_way_.empty() && held_back_bytes_ < held_back_bytes_max) {
        held_back_bytes_ += size_of(run.entries);
        held_back_.push_back(run);
        return;
      }
      break;
    case sync::Reason::Forked:
    case sync::Reason::WrongChain:
      if (turn == Turn::First && !stream.is_branch()) {
        if (const auto branch = as_branch(run)) {
          branches_[stream] = branch->seal.stream;
          return offer(*branch, Turn::Second, now);
        }
        tally_.contradicts.insert(stream);
      }
      break;
    default:
      break;
  }
  refuse(run, name_of(said->reason));
}

// Of a run that contradicts what is here: its part from the first difference on, under the name such a branch has
// everywhere (docs/protocol/sync.md, forks). Nothing when the difference lies before the run.
std::optional<model::SealedRun> Intake::as_branch(const model::SealedRun& run) const {
  const auto base = run.seal.stream;
  const auto first = run.entries.front().seq;
  const auto held = log_.vector();
  const auto cut = sync::fork_cut(held, base, log_);
  const auto ends_as_sealed = [&](model::Hash head) {
    for (const auto& entry : run.entries) head = model::chain_next(head, entry);
    return head == run.seal.head;
  };
  auto branch = run;
  if (auto head = log_.chain_at(base, first - 1); head && ends_as_sealed(*head)) {
    if (cut && first > *cut + 1) {
      // It goes on what stands here in the base stream, behind the fork.
      const auto own = log_.chain_at(base, *cut + 1);
      if (!own) return std::nullopt;
      branch.seal.stream.branch = {*cut + 1, sync::head_start<8>(*own)};
      return branch;
    }
    for (const auto& entry : run.entries) {
      head = model::chain_next(*head, entry);
      const auto here = log_.chain_at(base, entry.seq);
      if (cut ? entry.seq <= *cut : !here || *here == *head) continue;
      branch.seal.stream.branch = {entry.seq, sync::head_start<8>(*head)};
      std::erase_if(branch.entries, [from = entry.seq](const auto& one) { return one.seq < from; });
      return branch;
    }
    return std::nullopt;
  }
  for (auto it = held.upper_bound(base); it != held.end() && it->first.base() == base; ++it) {
    const auto head = log_.chain_at(it->first, first - 1);
    if (!head || !ends_as_sealed(*head)) continue;
    branch.seal.stream = it->first;
    return branch;
  }
  return std::nullopt;
}

void Intake::accepted(sync::Ticket ticket, Now now) {
  core_.accepted(ticket, now);
  const auto found = on_the_way_.find(ticket);
  if (found == on_the_way_.end()) return;
  auto& [entries, bytes, only_private] = found->second;
  if (only_private) {
    tally_.private_parts += entries.size();
    entries.clear();  // known as events
  }
  for (const auto& entry : entries) {
    ++tally_.events_new;
    ++tally_.new_by_class[static_cast<std::size_t>(entry.stream.cls)];
    tally_.authors.insert(entry.stream.writer.author);
    if (const auto event = model::decode_event(entry.public_part, entry.dot())) {
      auto& about = tally_.about[event->record];
      if (about.size() < entities_counted_max) about.insert(event->entity);
    }
  }
  on_the_way_bytes_ -= bytes;
  on_the_way_.erase(found);
  if (!on_the_way_.empty()) return;
  core_.durable(now);  // forks show when all is on disk
  (void)collect();
}

void Intake::refused(sync::Ticket ticket, const std::string& why, Now now) {
  core_.refused(ticket, now);
  (void)collect();
  if (stopped_.empty()) stopped_ = why;
  if (const auto found = on_the_way_.find(ticket); found != on_the_way_.end()) {
    on_the_way_bytes_ -= found->second.bytes;
    on_the_way_.erase(found);
  }
}

void Intake::rejected(sync::Ticket ticket, const std::string& why, Now now) {
  core_.rejected(ticket, why, now);
  (void)collect();
  if (const auto found = on_the_way_.find(ticket); found != on_the_way_.end()) {
    tally_.refused[why] += found->second.entries.size();
    on_the_way_bytes_ -= found->second.bytes;
    on_the_way_.erase(found);
  }
}

Tally Intake::tally() const {
  auto out = tally_;
  for (const auto& [stream, entries] : parts_) out.unsealed += entries.size();
  const auto held = log_.vector();
  for (auto it = out.gaps.begin(); it != out.gaps.end();) {
    it->second.here = sync::held_of(held, it->first);
    it = it->second.here + 1 >= it->second.first ? out.gaps.erase(it) : std::next(it);
  }
  return out;
}

}  // namespace airbridge::bundle
