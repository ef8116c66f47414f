#include "node_status.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "picture/conflicts.hpp"

namespace airbridge::app {
namespace {

std::set<model::KeyId> posts_of(const picture::Picture& picture) {
  std::set<model::KeyId> posts;
  for (const auto& [id, member] : picture.roster().members()) {
    if (member.granted && member.grant.subject == trust::SubjectKind::Node &&
        member.grant.role >= trust::Role::Coordinator && member.grant.role <= trust::Role::Authority)
      posts.insert(id);
  }
  return posts;
}

// Other nodes were configured, or heard in this run, and none is linked now.
bool is_cut_off(const std::vector<api::PeerInfo>& peers, bool has_configured) {
  const auto any = [&](std::string_view state) {
    return std::any_of(peers.begin(), peers.end(), [&](const api::PeerInfo& peer) { return peer.state == state; });
  };
  return !any("connected") && (has_configured || any("lost"));
}

// Since when, what is at stake, and what to do.
std::string words_of_cut_off(const api::Status& status) {
  const auto since =
      status.cut_off_since == UtcTime{} ? std::string("since the start") : "since " + format_utc(status.cut_off_since);
  const auto urgent = status.unshared_by_class[static_cast<std::size_t>(model::Class::Urgent)];
  if (status.unshared == 0) return fmt::format("Cut off {}: no other node is heard. Nothing is saved only here", since);
  return fmt::format(
      "Cut off {}: no other node is heard. Saved only here: {} event{}, {} urgent. Keep this device powered; move it "
      "into reach, use another bearer, or carry the events in a file (airbridge bundle write)",
      since, status.unshared, status.unshared == 1 ? "" : "s", urgent);
}

std::string words_of_doubt(const Peers::Doubt& doubt, const picture::Picture& picture) {
  const auto& claim = doubt.claim;
  const auto more = doubt.more == 0 ? std::string() : fmt::format(" (and of {} streams more)", doubt.more);
  constexpr std::string_view classes[] = {"urgent", "important", "routine"};
  const auto whose = fmt::format("{} ({})", picture.roster().name_of(claim.stream.writer.author),
                                 classes[static_cast<std::size_t>(claim.stream.cls)]);
  if (claim.is_impossible)
    return fmt::format("{} says it holds {} events of {}{}: more than there can be; it is not believed", doubt.who,
                       claim.claimed, whose, more);
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(doubt.stands).count();
  return fmt::format("{} says it holds {} event{} of {}{} that nobody has sent for {} minutes", doubt.who,
                     claim.claimed - claim.here, claim.claimed - claim.here == 1 ? "" : "s", whose, more, minutes);
}

}  // namespace

std::shared_ptr<const api::Status> NodeStatus::make(model::ClockQuality clock_quality,
                                                    const std::vector<std::string>& start_problems) {
  const auto picture = parts_.ledger.publish();
  api::Status status;
  status.node = node_;
  status.clock = model::name_of(clock_quality);
  status.incident = incident_;
  status.peers = parts_.peers.status();
  status.bearers = parts_.peers.bearers();
  status.cut_off = is_cut_off(status.peers, parts_.peers.has_configured());
  if (status.cut_off) {
    for (const auto& peer : status.peers) status.cut_off_since = std::max(status.cut_off_since, peer.last_heard);
  }
  count_unshared(status);
  status.posts = posts_of(*picture);
  status.feeds.push_back(parts_.tak.status());
  for (auto& feed : parts_.feeds.status()) status.feeds.push_back(std::move(feed));
  status.store = parts_.ledger.store_info();
  hash_state(status.store, *picture);
  status.own_position = parts_.own_place.standing();
  count_conflicts(*picture);
  status.conflicts = conflicts_;
  status.conflicts_urgent = conflicts_urgent_;
  clocks_.look(*picture);
  status.clocks = clocks_.doubtful(*picture);
  add_problems(status, *picture, start_problems);
  return std::make_shared<const api::Status>(std::move(status));
}

// Of thousands of records this is the dear part; the same picture has the same ones.
void NodeStatus::count_conflicts(const picture::Picture& picture) {
  if (conflicts_in_ == picture.seq()) return;
  conflicts_in_ = picture.seq();
  const auto counts = picture::count_conflicts(picture);
  conflicts_ = counts.all;
  conflicts_urgent_ = counts.urgent;
}

void NodeStatus::count_unshared(api::Status& status) {
  const auto vector = parts_.ledger.view().vector();
  const auto held = parts_.peers.held(vector);
  for (const auto& [stream, seq] : vector) {
    if (stream.writer.author != node_.id) continue;
    std::uint64_t best = 0;
    if (const auto found = held->find(stream); found != held->end()) {
      for (const auto& [node, count] : found->second) best = std::max(best, count);
    }
    if (seq <= best) continue;
    status.unshared += seq - best;
    status.unshared_by_class[static_cast<std::size_t>(stream.cls)] += seq - best;
  }
  if (*held_ != *held) held_ = held;  // the same table while nothing changes: readers compare by address
  status.held = held_;
  status.reported = parts_.reported.get();
}

void NodeStatus::hash_state(api::StoreInfo& store, const picture::Picture& picture) {
  const auto steady = clock_.now().steady;
  if (told_hash_.is_due(store.events, picture.seq(), steady)) {
    state_hash_ = parts_.ledger.state_hash().hex();
    told_hash_.made(store.events, picture.seq(), steady);
  }
  store.state_hash = state_hash_;
}

void NodeStatus::add_problems(api::Status& status, const picture::Picture& picture,
                              const std::vector<std::string>& start_problems) const {
  auto& problems = status.problems;
  if (status.store.refusing_writes) problems.push_back("New entries are refused: " + status.store.why);
  if (status.store.damaged > 0)
    problems.push_back(
        fmt::format("{} of the log {} damaged; peers are asked for what is missing",
                    status.store.damaged == 1 ? "1 stretch" : fmt::format("{} stretches", status.store.damaged),
                    status.store.damaged == 1 ? "is" : "are"));
  if (status.cut_off) problems.push_back(words_of_cut_off(status));
  for (const auto& problem : parts_.peers.problems()) problems.push_back(problem);
  for (const auto& doubt : parts_.peers.doubtful()) problems.push_back(words_of_doubt(doubt, picture));
  if (!status.clocks.empty()) problems.push_back(words_of(status.clocks.front()));
  if (!picture.forks().empty())
    problems.push_back(fmt::format("{} streams have two contents: a device was copied or restored without telling",
                                   picture.forks().size()));
  for (const auto& [author, count] : parts_.peers.flooding())
    problems.push_back(
        fmt::format("{} made {} urgent events within 10 minutes: beyond {} they wait with the important ones",
                    picture.roster().name_of(author), count, sync::Core::flood_events_max));
  for (const auto& problem : parts_.ledger.problems()) problems.push_back(problem);
  for (const auto& problem : start_problems) problems.push_back(problem);
}

}  // namespace airbridge::app
