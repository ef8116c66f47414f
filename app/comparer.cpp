#include "comparer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace airbridge::app {

bool Comparer::begin(const std::string& peer) {
  const auto asked = parts_.peers.compare(peer);
  if (asked.empty() && !peer.empty()) return false;
  api::Comparisons next;
  next.number = now_.number + 1;
  next.begun = parts_.clock.now().utc;
  for (const auto& [id, name] : asked) next.nodes.push_back({id, name, "asked", 0, {}, 0, {}});
  now_ = std::move(next);
  refold_.emplace(parts_.log, parts_.incident);
  publish();
  slice();
  return true;
}

void Comparer::slice() {
  if (!refold_) return;
  const bool more = refold_->step(refold_slice_bytes);
  now_.own_streams = refold_->streams();
  now_.own_events = refold_->events();
  if (more) {
    timer_ = parts_.loop.after(refold_pause, [this] { slice(); });
    return;
  }
  for (const auto& fault : refold_->faults()) {
    now_.own.push_back(
        {fault.stream, parts_.name_of(fault.stream.writer.author), fault.from, fault.what,
         "keep a backup of the folder, stop this node, remove the snapshot-*.snap files beside its log and start "
         "it: it reads all of the log then and fetches a copy from another node; and look at the disk"});
  }
  now_.own_done = true;
  refold_.reset();
  publish();
}

api::FoundDifference Comparer::found(const sync::Difference& difference, const std::string& peer) const {
  using Kind = sync::Difference::Kind;
  api::FoundDifference out;
  out.stream = difference.stream;
  out.author = parts_.name_of(difference.stream.writer.author);
  out.from = difference.from;
  switch (difference.kind) {
    case Kind::Contents:
      out.what = fmt::format("{} holds other events under these numbers", peer);
      // The contents of a fork are exchanged; a fork of one of them is not (docs/open-points.md).
      out.remedy = difference.stream.is_branch()
                       ? "a copy of a device was copied in turn: each node keeps what it has, and none of it is in the "
                         "picture. Let those who wrote it write it again, each device with keys of its own"
                       : "both contents are being exchanged and will be shown as a copied device";
      break;
    case Kind::NotShown:
      out.what = fmt::format("{} says it holds this number and does not show it", peer);
      out.remedy = fmt::format("look at the disk of {}; compare there too", peer);
      break;
    case Kind::Contradiction:
      // Whose fault it is cannot be told from the words of the two.
      out.what = fmt::format("what {} says of this event and of later ones does not fit what is stored here", peer);
      out.remedy = fmt::format(
          "compare on {} too: the node that finds itself damaged says what to do; when neither does, restart {}", peer,
          peer);
      break;
    case Kind::OwnIndex:
      out.what = "this node says it holds this number and cannot show it";
      out.remedy = "restart this node, which makes its index anew, and look at its disk";
      break;
    case Kind::ForkHere:
      out.what = fmt::format("{} does not know this content of a copied device yet", peer);
      out.remedy = fmt::format("it is being sent; when it stays so, look at the disk of {}", peer);
      break;
    case Kind::ForkThere:
      out.what = fmt::format("{} holds a content of a copied device that is not here yet", peer);
      out.remedy = "it is being asked for; when it stays so, look at the disk of this node";
      break;
  }
  return out;
}

void Comparer::compared(const sync::Compared& compared) {
  const auto node = std::find_if(now_.nodes.begin(), now_.nodes.end(),
                                 [&](const auto& one) { return one.id == compared.node && one.state == "asked"; });
  if (node == now_.nodes.end()) return;
  const auto name = compared.name.empty() ? compared.node.hex().substr(0, 8) : compared.name;
  node->streams = compared.streams;
  node->more = compared.differences_more;
  node->why = compared.why;
  for (const auto& difference : compared.differences) node->differences.push_back(found(difference, name));
  node->state = !compared.why.empty() ? "failed" : node->differences.empty() ? "alike" : "differs";
  publish();
}

}  // namespace airbridge::app
