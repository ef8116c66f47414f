// Chain values against chain values, stream by stream; compare.hpp says what for.
#include <algorithm>

#include "sync/core.hpp"

namespace airbridge::sync {
namespace {

void name_difference(Comparison& comparison, const model::StreamId& stream, std::uint64_t from, Difference::Kind kind) {
  if (comparison.differences.size() < differences_max) {
    comparison.differences.push_back({stream, from, kind});
  } else {
    ++comparison.differences_more;
  }
}

// The number before the first of the stream's own.
std::uint64_t base_of(const model::StreamId& stream) { return stream.is_branch() ? stream.branch.from - 1 : 0; }

// The last common number, and below it ever closer to the beginning.
std::vector<std::uint64_t> spots_of(std::uint64_t base, std::uint64_t last) {
  std::vector<std::uint64_t> out;
  for (auto length = last - base; length > 0 && out.size() < compare_spots; length /= 2) out.push_back(base + length);
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace

bool Core::compare_all(PeerId id, Now now) {
  refresh_if_dirty(now);
  auto* peer = find(id);
  if (peer == nullptr || peer->state != PeerState::Up) return false;
  reread_heads(now);
  comparisons_[id] = {};
  put_control(*peer, AskVector{std::nullopt, true});
  sweep(now);
  return true;
}

void Core::compare_vector_came(Peer& peer) {
  const auto found = comparisons_.find(peer.id);
  if (found == comparisons_.end() || found->second.vector_came) return;
  auto& comparison = found->second;
  comparison.vector_came = true;
  for (const auto& [stream, held] : *ours_) {
    const auto theirs = peer.theirs->find(stream);
    if (theirs == peer.theirs->end()) {
      if (stream.is_branch()) name_difference(comparison, stream, stream.branch.from, Difference::Kind::ForkHere);
      continue;
    }
    const auto base = base_of(stream);
    const auto last = std::min(held.seq, theirs->second.seq);
    if (last <= base) continue;
    Comparison::Search search;
    search.lo = base;
    search.told_at = theirs->second.seq;
    search.told = theirs->second.head;
    search.asked = spots_of(base, last);
    comparison.open.emplace(stream, std::move(search));
    comparison.waiting.push_back(stream);
  }
  for (const auto& [stream, held] : *peer.theirs) {
    if (stream.is_branch() && !ours_->contains(stream))
      name_difference(comparison, stream, stream.branch.from, Difference::Kind::ForkThere);
  }
  for (std::size_t i = 0; i < compare_open_max; ++i) compare_next(peer, comparison);
  compare_end_if_done(peer);
}

// Asks about one more stream.
void Core::compare_next(Peer& peer, Comparison& comparison) {
  if (comparison.waiting.empty()) return;
  const auto stream = comparison.waiting.front();
  comparison.waiting.pop_front();
  put_control(peer, ChainQuery{stream, comparison.open.at(stream).asked});
}

// True when the reply was to a question of a comparison.
bool Core::compare_reply(Peer& peer, const ChainReply& reply, Now now) {
  const auto found = comparisons_.find(peer.id);
  if (found == comparisons_.end()) return false;
  auto& comparison = found->second;
  const auto at = comparison.open.find(reply.stream);
  if (at == comparison.open.end()) return false;
  auto& search = at->second;
  const auto was_asked = [&](const auto& head) {
    return std::binary_search(search.asked.begin(), search.asked.end(), head.first);
  };
  if (!std::all_of(reply.heads.begin(), reply.heads.end(), was_asked)) return false;  // a fork probe's

  const auto stream = reply.stream;
  const auto end = [&](std::optional<Difference::Kind> kind, std::uint64_t from) {
    if (kind) name_difference(comparison, stream, from, *kind);
    ++comparison.streams;
    comparison.open.erase(stream);
    if (kind == Difference::Kind::Contents && !stream.is_branch()) suspect(peer, stream, from, true, now);
    compare_next(peer, comparison);
    compare_end_if_done(peer);
  };
  std::optional<std::uint64_t> first_other;
  for (const auto seq : search.asked) {
    const auto own = log_.chain_at(stream, seq);
    const auto told =
        std::find_if(reply.heads.begin(), reply.heads.end(), [&](const auto& h) { return h.first == seq; });
    if (!own) return end(Difference::Kind::OwnIndex, seq), true;
    if (told == reply.heads.end()) return end(Difference::Kind::NotShown, seq), true;
    if (seq == search.told_at && search.told &&
        !std::equal(search.told->begin(), search.told->end(), told->second.begin()))
      return end(Difference::Kind::Contradiction, seq), true;
    if (head_start<8>(*own) != told->second) {
      if (!first_other) first_other = seq;
    } else if (first_other) {
      return end(Difference::Kind::Contradiction, *first_other), true;  // alike again behind a difference
    } else {
      search.lo = std::max(search.lo, seq);
    }
  }
  if (first_other) search.hi = *first_other;
  if (search.hi == 0) return end(std::nullopt, 0), true;
  if (search.lo >= search.hi || ++search.rounds > chain_rounds_max)
    return end(Difference::Kind::Contradiction, search.hi), true;
  if (search.hi == search.lo + 1) return end(Difference::Kind::Contents, search.hi), true;
  const auto gap = search.hi - search.lo;
  const auto points = std::min<std::uint64_t>(gap - 1, chain_query_max);
  search.asked.clear();
  for (std::uint64_t i = 1; i <= points; ++i)
    search.asked.push_back(search.lo + (gap / (points + 1)) * i + (gap % (points + 1)) * i / (points + 1));
  put_control(peer, ChainQuery{stream, search.asked});
  return true;
}

void Core::compare_end_if_done(Peer& peer) {
  const auto found = comparisons_.find(peer.id);
  if (found == comparisons_.end() || !found->second.vector_came || !found->second.open.empty()) return;
  compare_end(peer, {});
}

void Core::compare_end(const Peer& peer, std::string why) {
  const auto found = comparisons_.find(peer.id);
  if (found == comparisons_.end()) return;
  auto comparison = std::move(found->second);
  comparisons_.erase(found);
  outputs_.push_back(Compared{peer.id, peer.node, peer.name, comparison.streams, std::move(comparison.differences),
                              comparison.differences_more, std::move(why)});
}

}  // namespace airbridge::sync
