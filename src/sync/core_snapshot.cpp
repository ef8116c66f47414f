// The picture before the events it was made of, for who comes late (docs/protocol/sync.md, snapshots). Here only its
// bytes are carried: what they are, and whether to believe them, is for the caller (ledger/picture_transfer.hpp).
#include <fmt/format.h>

#include <algorithm>

#include "sync/core.hpp"

namespace airbridge::sync {

void Core::ask_for_snapshot(Peer& peer, Now now) {
  if ((peer.features & feature_snapshots) == 0 || !config_.wants_snapshot || peer.link.cost > 0) return;
  std::uint64_t here = 0, lacking = 0;
  for (const auto& [stream, held] : *ours_) here += held.seq;
  for (const auto& [stream, held] : *peer.theirs) {
    if (held.seq > stream_events_max) continue;  // not believed: no reason to take its picture
    lacking = add_claims(lacking, claimed_beyond(held.seq, held_of(ours_, stream)));
  }
  if (lacking < snapshot_lack_min || here > lacking || !config_.wants_snapshot()) return;
  for (const auto& [id, other] : peers_) {
    if (other.dead || !other.snapshot.asked) continue;
    if (now.steady < std::max(*other.snapshot.asked, other.heard) + snapshot_wait_max) return;
  }
  peer.snapshot.asked = now.steady;
  put_control(peer, SnapshotAsk{snapshot_bytes_max});
}

void Core::on_snapshot_ask(Peer& peer, const SnapshotAsk&, Now now) {
  auto& snapshot = peer.snapshot;
  if (!config_.sends_snapshots || snapshot.going || peer.link.is_message || peer.link.cost > 0) return;
  if (snapshot.answered && now.steady < *snapshot.answered + snapshot_again_after) return;
  snapshot.answered = now.steady;
  outputs_.push_back(SnapshotAsked{peer.id});
}

void Core::offer_snapshot(PeerId id, std::shared_ptr<const Bytes> bytes, Now now) {
  auto* peer = find(id);
  if (peer == nullptr || bytes == nullptr || bytes->empty() || bytes->size() > snapshot_bytes_max) return;
  peer->snapshot.going = std::move(bytes);
  peer->snapshot.gone = 0;
  pump(*peer, now);
  sweep(now);
}

bool Core::send_snapshot_part(Peer& peer) {
  auto& snapshot = peer.snapshot;
  if (!snapshot.going) return false;
  const ByteView all = *snapshot.going;
  const auto next = all.subspan(snapshot.gone, std::min(snapshot_part_bytes, all.size() - snapshot.gone));
  SnapshotPart part{static_cast<std::uint32_t>(snapshot.gone / snapshot_part_bytes),
                    static_cast<std::uint32_t>((all.size() + snapshot_part_bytes - 1) / snapshot_part_bytes),
                    to_bytes(next)};
  snapshot.gone += next.size();
  if (snapshot.gone == all.size()) snapshot.going.reset();
  hand_over(peer, encode(part), false, std::nullopt);
  return true;
}

void Core::on_snapshot_part(Peer& peer, SnapshotPart part, Now) {
  auto& snapshot = peer.snapshot;
  // Nothing is kept that was not asked for, and nothing that does not follow on what came.
  constexpr auto count_max = snapshot_bytes_max / snapshot_part_bytes;
  const bool fits = snapshot.asked && part.number == snapshot.next && part.number < part.count &&
                    part.count <= count_max && (part.number == 0 || part.count == snapshot.count) &&
                    !part.bytes.empty();
  if (!fits) {
    snapshot.asked.reset();
    snapshot.coming = {};
    return refuse(peer, fmt::format("stretch {} of a picture that nobody asked for in this way", part.number));
  }
  snapshot.count = part.count;
  ++snapshot.next;
  snapshot.coming.insert(snapshot.coming.end(), part.bytes.begin(), part.bytes.end());
  if (snapshot.next < snapshot.count) return;
  snapshot.asked.reset();
  snapshot.next = 0;
  outputs_.push_back(SnapshotCame{peer.id, peer.node, peer.name, std::exchange(snapshot.coming, {})});
}

}  // namespace airbridge::sync
