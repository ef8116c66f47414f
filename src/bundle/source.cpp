#include "bundle/source.hpp"

#include <algorithm>
#include <tuple>

#include "sync/limits.hpp"
#include "sync/message.hpp"

namespace airbridge::bundle {
namespace {

constexpr std::size_t frame_target = 32 * 1024;
constexpr std::size_t run_frame_max = 128 * 1024;  // a run that was sealed together goes in one frame up to here
constexpr std::size_t entry_overhead_bytes = 44;
constexpr std::size_t end_bytes_max = 128;
constexpr std::size_t key_bytes_max = 64;

}  // namespace

Source::Source(const sync::LogView& log, Head head, std::uint64_t file_bytes_max, Sign sign,
               const std::vector<model::Dot>& asked)
    : log_(log),
      head_(std::move(head)),
      file_bytes_max_(file_bytes_max == 0 ? 0 : std::max(file_bytes_max, file_bytes_min)),
      sign_(std::move(sign)) {
  for (const auto& [stream, seq] : sync::cut_at_forks(log_.vector(), log_)) {
    const auto chain = log_.chain_at(stream, seq);
    if (!chain) continue;
    head_.holds[stream] = {seq, sync::head_start<4>(*chain)};
    if (stream.cls > head_.class_max) continue;
    auto after = sync::held_of(head_.since, stream);
    if (stream.is_branch()) after = std::max(after, stream.branch.from - 1);
    if (after >= seq) continue;
    stretches_.push_back({stream, after, seq});
    total_ += seq - after;
  }
  for (const auto& dot : asked) {
    const auto held = std::min(sync::held_of(head_.holds, dot.stream()), sync::held_of(head_.since, dot.stream()));
    if (dot.seq == 0 || dot.seq > held || dot.cls > head_.class_max) continue;
    if (asked_.insert(dot).second) stretches_.push_back({dot.stream(), dot.seq - 1, dot.seq, true});
  }
  // This node's own first: nobody else may have them. Private parts of what is known come last in their class.
  std::sort(stretches_.begin(), stretches_.end(), [own = log_.own_writer().author](const auto& a, const auto& b) {
    return std::tuple(a.stream.cls, a.asked, a.stream.writer.author != own, a.stream, a.after) <
           std::tuple(b.stream.cls, b.asked, b.stream.writer.author != own, b.stream, b.after);
  });
}

// One reading of the log; false when there is nothing more.
bool Source::read_on() {
  while (at_ < stretches_.size()) {
    auto& stretch = stretches_[at_];
    if (stretch.asked) {
      ++at_;
      if (read_asked(stretch)) return true;
      continue;
    }
    if (stretch.after >= stretch.until) {
      ++at_;
      continue;
    }
    auto runs = log_.runs_after(stretch.stream, stretch.after, sync::batch_bytes_max);
    // Up to a fork the last seal may stand behind it: then what follows goes along as the proof.
    std::erase_if(runs, [&](const auto& run) { return run.entries.front().seq > stretch.until; });
    if (runs.empty() || runs.front().entries.front().seq != stretch.after + 1) {
      written_.unreadable.push_back(stretch.stream);
      ++at_;
      continue;
    }
    stretch.after = runs.back().entries.back().seq;
    pack(stretch.stream, runs, stretch.until);
    return true;
  }
  return false;
}

// The run from this event to its next seal, which no reader takes a run without. False when nothing of it is wanted:
// the one before brought it, or this log has no private part of it either.
bool Source::read_asked(const Stretch& stretch) {
  if (!asked_.contains({stretch.stream.writer, stretch.stream.cls, stretch.until})) return false;
  auto runs = log_.runs_after(stretch.stream, stretch.after, 1);
  if (runs.empty() || runs.front().entries.front().seq != stretch.until) return false;
  runs.resize(1);
  const auto frames = frames_.size();
  std::uint64_t found = 0;
  for (const auto& entry : runs.front().entries) {
    if (asked_.erase(entry.dot()) > 0 && entry.private_part.state == model::PrivatePart::State::Here) ++found;
  }
  if (found == 0) return false;
  pack(stretch.stream, runs, 0);
  frames_[frames].private_parts = found;
  return true;
}

// Into frames of about frame_target. A seal is left out where a later one of the same frame vouches for its events.
void Source::pack(const model::StreamId& stream, const std::vector<model::SealedRun>& runs, std::uint64_t until) {
  std::vector<model::Entry> entries;
  std::size_t size = 0;
  const model::Seal* seal = nullptr;
  const auto put = [&](const model::Seal* last) {
    Frame frame{sync::encode_run(stream, entries, last, true), stream.writer.author, stream.cls, 0, 0, last != nullptr};
    frame.events = static_cast<std::uint64_t>(
        std::ranges::count_if(entries, [&](const auto& entry) { return entry.seq <= until; }));
    frames_.push_back(std::move(frame));
    entries.clear();
    size = 0;
    seal = nullptr;
  };
  const auto size_of = [](const model::Entry& entry) { return entry.size() + entry_overhead_bytes; };
  for (const auto& run : runs) {
    std::size_t run_size = 0;
    for (const auto& entry : run.entries) run_size += size_of(entry);
    if (seal != nullptr &&
        (size + run_size > frame_target || entries.size() + run.entries.size() > sync::entries_per_run_max))
      put(seal);
    for (const auto& entry : run.entries) {
      // A run that fits into no frame goes in several, of which only the last has the seal.
      if (!entries.empty() && size + size_of(entry) > run_frame_max) put(nullptr);
      entries.push_back(entry);
      entries.back().stream = stream;
      size += size_of(entry);
    }
    seal = &run.seal;
  }
  if (seal != nullptr) put(seal);
}

// With the key of each author in front of his first events: each chunk is of use alone. Events of one class only, so
// that urgent ones need no more of a torn file than they fill.
Bytes Source::next_chunk_content() {
  const auto target =
      file_bytes_max_ == 0 ? chunk_plain_target : std::min<std::uint64_t>(chunk_plain_target, file_bytes_max_ / 4);
  Bytes out;
  std::set<model::KeyId> keys;
  auto cls = model::Class::Urgent;
  while ((out.size() < target || in_run_) && (!frames_.empty() || read_on())) {
    const auto& frame = frames_.front();
    if (!out.empty() && (frame.cls != cls || out.size() + frame.bytes.size() + key_bytes_max > chunk_plain_max)) break;
    cls = frame.cls;
    in_run_ = !frame.ends_run;
    if (keys.insert(frame.author).second) {
      if (const auto key = log_.author_key(frame.author)) {
        const auto told = sync::encode(sync::Keys{{*key}});
        out.insert(out.end(), told.begin(), told.end());
      }
    }
    out.insert(out.end(), frame.bytes.begin(), frame.bytes.end());
    content_events_ += frame.events;
    written_.events += frame.events;
    written_.private_parts += frame.private_parts;
    written_.by_class[static_cast<std::size_t>(frame.cls)] += frame.events;
    written_.authors.insert(frame.author);
    frames_.pop_front();
  }
  return out;
}

Source::Piece Source::next() {
  Piece piece;
  piece.part = head_.part;
  if (chunk_ == 0) {
    piece.bytes = begin_file(head_, sign_);
    chunk_ = 1;
    file_bytes_ = piece.bytes.size();
    file_events_ = 0;
    return piece;
  }
  const bool goes_on = in_run_;  // a reader that has the beginning of a run and not its end can do nothing with it
  if (content_.empty()) content_ = next_chunk_content();
  const auto chunk = content_.empty() ? Bytes{} : frames_chunk(chunk_, content_);
  const bool is_full =
      file_bytes_max_ != 0 && chunk_ > 1 && !goes_on && file_bytes_ + chunk.size() + end_bytes_max > file_bytes_max_;
  if (chunk.empty() || is_full) {
    piece.bytes = end_chunk(chunk_, End{chunk_, file_events_, is_full && !chunk.empty()});
    piece.ends_file = true;
    piece.ends_all = chunk.empty();
    chunk_ = 0;
    ++head_.part;
    return piece;
  }
  piece.bytes = chunk;
  ++chunk_;
  file_bytes_ += chunk.size();
  file_events_ += std::exchange(content_events_, 0);
  content_.clear();
  return piece;
}

std::vector<Bytes> files_of(Source& source) {
  std::vector<Bytes> files(1);
  while (true) {
    const auto piece = source.next();
    files.back().insert(files.back().end(), piece.bytes.begin(), piece.bytes.end());
    if (piece.ends_all) return files;
    if (piece.ends_file) files.emplace_back();
  }
}

}  // namespace airbridge::bundle
