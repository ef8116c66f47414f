// One author, one number, two contents: a copied device, or a restored one that wrote on. The first differing event is
// found by comparing chain values; each side then sends its part under the name of a branch, and it is the author's
// seal on the other content that proves the fork to whoever holds one already.
#include <fmt/format.h>

#include "sync/core.hpp"

namespace airbridge::sync {

void Core::suspect(Peer& peer, const model::StreamId& stream, std::uint64_t seq, bool sure, Now now) {
  if (peer.dead || seq == 0) return;
  if (stream.is_branch()) {
    if (peer.settled_apart.insert(stream).second) {
      refuse(peer, fmt::format("branch {} differs again from ours; it is kept as it is", model::to_text(stream)));
    }
    return;
  }
  // Known: from the cut on the branches speak.
  if (const auto cut = fork_cut(raw_, stream, log_); cut && seq > *cut) return;
  if (peer.probes.size() >= probes_max && !peer.probes.contains(stream)) return;
  for (const auto& branch : peer.offered_branches) {
    if (branch.base() == stream && branch.branch.from <= seq) return;
  }
  peer.probes.try_emplace(stream, Probe{0, seq, sure, false, 0, now.steady});
}

void Core::run_probes(Peer& peer, Now now) {
  for (auto& [stream, probe] : peer.probes) {
    if (probe.asked) continue;
    ChainQuery query{stream, {}};
    // As many points as fit, evenly between what is equal and what is not.
    const auto gap = probe.hi - probe.lo;
    const auto points = std::min<std::uint64_t>(gap - 1, chain_query_max - 1);
    for (std::uint64_t i = 1; i <= points; ++i) {
      query.seqs.push_back(probe.lo + (gap / (points + 1)) * i + (gap % (points + 1)) * i / (points + 1));
    }
    if (!probe.hi_sure || query.seqs.empty()) query.seqs.push_back(probe.hi);
    probe.asked = true;
    probe.since = now.steady;
    put_control(peer, query);
  }
}

void Core::on_chain_query(Peer& peer, const ChainQuery& query) {
  ChainReply reply{query.stream, {}};
  for (const auto seq : query.seqs) {
    if (seq > held_of(raw_, query.stream)) continue;
    if (const auto head = log_.chain_at(query.stream, seq)) reply.heads.emplace_back(seq, head_start<8>(*head));
  }
  put_control(peer, reply);
}

void Core::on_chain_reply(Peer& peer, const ChainReply& reply, Now now) {
  if (compare_reply(peer, reply, now)) return;
  const auto found = peer.probes.find(reply.stream);
  if (found == peer.probes.end() || !found->second.asked) return;
  auto& probe = found->second;
  bool learned = false;
  for (const auto& [seq, head] : reply.heads) {
    const auto own = log_.chain_at(reply.stream, seq);
    if (!own || seq > probe.hi || seq <= probe.lo) continue;
    learned = true;
    if (head_start<8>(*own) == head) {
      probe.lo = seq;
    } else {
      probe.hi = seq;
      probe.hi_sure = true;
      break;  // in ascending order: all behind differ too
    }
  }
  probe.asked = false;
  const auto stream = reply.stream;
  if (probe.hi_sure && probe.hi == probe.lo + 1) {
    const auto from = probe.hi;
    peer.probes.erase(found);
    offer_branch(peer, stream, from);
    return;
  }
  if (!learned || probe.lo >= probe.hi || ++probe.rounds > chain_rounds_max) {
    // Chains agree after all (what came was damaged on its way), or the peer does not say.
    peer.probes.erase(found);
    mark_ready(peer, stream);
    return;
  }
  (void)now;
}

void Core::offer_branch(Peer& peer, const model::StreamId& stream, std::uint64_t from) {
  const auto own = log_.chain_at(stream, from);
  if (!own || peer.offered_branches.size() >= probes_max) return;
  auto branch = stream;
  branch.branch = {from, head_start<8>(*own)};
  peer.offered_branches.insert(branch);
  reset_stream(peer, branch);
}

// A branch without another content beside it is no fork: its entries are the stream's. Logs of before this was decided
// on arrival may hold such; the stream goes on with them.
void Core::rejoin_branches(const model::StreamId& base) {
  if (is_own(base) || incoming_.contains(base)) return;
  const auto reached = held_of(raw_, base);
  for (auto it = raw_.upper_bound(base); it != raw_.end() && it->first.base() == base; ++it) {
    const auto& branch = it->first;
    if (branch.branch.from > reached + 1 || it->second <= reached) continue;
    if (const auto head = log_.chain_at(branch, reached); !head || head != log_.chain_at(base, reached)) continue;
    for (auto& run : log_.runs_after(branch, reached, batch_bytes_max)) {
      for (auto& entry : run.entries) entry.stream = base;
      run.seal.stream = base;
      const auto head = run.seal.head;
      accept(0, std::move(run), head, std::nullopt);
    }
    return;
  }
}

// What this node holds of a forked stream beyond the cut is copied under its branch's name, so that it is exchanged and
// kept like the other branches.
void Core::copy_past_fork(const model::StreamId& base, std::uint64_t cut) {
  const auto reached_base = held_of(raw_, base);
  if (reached_base <= cut) return;
  const auto own = log_.chain_at(base, cut + 1);
  if (!own) return;
  auto branch = base;
  branch.branch = {cut + 1, head_start<8>(*own)};
  if (incoming_.contains(branch)) return;
  const auto reached = std::max(held_of(raw_, branch), cut);
  if (reached >= reached_base) return;
  for (auto& run : log_.runs_after(base, reached, batch_bytes_max)) {
    for (auto& entry : run.entries) entry.stream = branch;
    run.seal.stream = branch;
    const auto head = run.seal.head;
    accept(0, std::move(run), head, std::nullopt);
  }
}

// All up to the fork is here, and no seal that proves it: that one stood behind the fork, in the part that was lost.
// The branch of this content has one, and what it holds is what is missing behind the fork.
void Core::prove_up_to_fork(const model::StreamId& base, std::uint64_t cut) {
  if (held_of(raw_, base) >= cut || is_own(base) || incoming_.contains(base) || !log_.chain_at(base, cut)) return;
  const auto own = log_.chain_at(base, cut + 1);
  for (auto it = raw_.upper_bound(base); it != raw_.end() && it->first.base() == base; ++it) {
    const auto& branch = it->first;
    if (branch.branch.from != cut + 1 || (own && head_start<8>(*own) != branch.branch.head)) continue;
    // Refused once, because more than this contradicts it, it would be so again.
    if (proofs_tried_.size() >= branches_tried_max || !proofs_tried_.insert(branch).second) continue;
    auto runs = log_.runs_after(branch, cut, batch_bytes_max);
    if (runs.empty()) continue;
    auto& run = runs.front();
    for (auto& entry : run.entries) entry.stream = base;
    run.seal.stream = base;
    const auto head = run.seal.head;
    return accept(0, std::move(run), head, std::nullopt);
  }
}

void Core::settle_branches() {
  const model::StreamId* settled = nullptr;
  for (const auto& [stream, seq] : raw_) {
    if (!stream.is_branch() || (settled != nullptr && settled->base() == stream.base())) continue;
    settled = &stream;
    if (const auto cut = fork_cut(raw_, stream, log_)) {
      copy_past_fork(stream.base(), *cut);
      prove_up_to_fork(stream.base(), *cut);
    } else {
      rejoin_branches(stream.base());
    }
  }
}

// A branch is what two contents for one number make of a stream. A run that claims to be one is taken as such only
// beside another content; else its entries are the stream's own, whatever it calls itself.
Core::BranchClaim Core::judge_branch(const model::StreamId& claimed) const {
  const auto base = claimed.base();
  const auto from = claimed.branch.from;
  if (const auto cut = fork_cut(raw_, base, log_)) {
    if (from == *cut + 1) return BranchClaim::Branch;
    if (from > *cut) return BranchClaim::Elsewhere;
  }
  if (held_of(raw_, base) >= from) {
    const auto own = log_.chain_at(base, from);
    return own && head_start<8>(*own) == claimed.branch.head ? BranchClaim::Base : BranchClaim::Branch;
  }
  const auto contradicts = [&](const auto& streams) {
    auto first = base;
    first.branch.from = from;
    const auto it = streams.lower_bound(first);
    return it != streams.end() && it->first.base() == base && it->first.branch.from == from &&
           it->first.branch.head != claimed.branch.head;
  };
  return contradicts(raw_) || contradicts(incoming_) ? BranchClaim::Branch : BranchClaim::Base;
}

// The author's seal on entries that follow what is held here and say something else from some number on proves the
// fork, whoever tells it and whatever else it answers: what is held was sealed by the same author. Gives those entries
// under the name of their branch. Without `key` the run's seal was found to be good, else its head is to be reckoned
// first.
std::optional<model::SealedRun> Core::proven_fork(const model::SealedRun& run, std::uint64_t end,
                                                  const model::PublicKey* key) const {
  const auto base = run.seal.stream;
  const auto first = run.entries.front().seq;
  if (base.is_branch() || is_own(base) || first == 0 || first > end) return std::nullopt;
  const auto before = log_.chain_at(base, first - 1);
  if (!before) return std::nullopt;
  auto head = *before;
  auto branch = base;
  for (const auto& entry : run.entries) {
    head = model::chain_next(head, entry);
    if (branch.is_branch() || entry.seq > end) continue;
    const auto held = log_.chain_at(base, entry.seq);
    if (held && *held != head) branch.branch = {entry.seq, head_start<8>(head)};
  }
  if (!branch.is_branch()) return std::nullopt;
  auto out = run;
  if (key != nullptr) {
    out.seal.head = head;
    if (!trust::verify_seal(*key, config_.incident, out.seal)) return std::nullopt;
  } else if (out.seal.head != head) {
    return std::nullopt;
  }
  std::erase_if(out.entries, [&](const auto& entry) { return entry.seq < branch.branch.from; });
  for (auto& entry : out.entries) entry.stream = branch;
  out.seal.stream = branch;
  return out;
}

void Core::take_fork(Peer& peer, std::optional<model::SealedRun> fork, Now now) {
  if (fork && !peer.dead) on_whole_run(peer, std::move(*fork), true, now);
}

}  // namespace airbridge::sync
