#include "simulate/oracle.hpp"

namespace airbridge::simulate {
namespace {
std::uint64_t first_before(const model::StreamId& stream) { return stream.is_branch() ? stream.branch.from - 1 : 0; }
}  // namespace

void Oracle::add(std::size_t node, const model::StreamId& stream, std::uint64_t seq) {
  auto& held = disks_.try_emplace({node, stream}, Held{first_before(stream), {}}).first->second;
  if (seq == held.end + 1 && held.after.empty()) {
    ++held.end;
    return;
  }
  held.after.insert(seq);
  while (!held.after.empty() && *held.after.begin() <= held.end + 1) {
    held.end = std::max(held.end, *held.after.begin());
    held.after.erase(held.after.begin());
  }
}

void Oracle::synced(std::size_t node, const std::vector<model::Entry>& entries) {
  for (const auto& entry : entries) {
    add(node, entry.stream, entry.seq);
    const auto found = by_dot_.find(entry.dot());
    if (found == by_dot_.end() || hit_.test(node)) continue;
    for (const auto index : found->second) {
      if (promises_[index].public_part == entry.public_part) promises_[index].holders.set(node);
    }
  }
}

void Oracle::scanned(std::size_t node, const std::map<model::StreamId, std::vector<std::uint64_t>>& found,
                     const std::function<bool(const Promise&)>& has) {
  std::erase_if(disks_, [&](const auto& item) { return item.first.first == node; });
  hit_.reset(node);
  for (const auto& [stream, seqs] : found) {
    for (const auto seq : seqs) add(node, stream, seq);
  }
  for (auto& promise : promises_) promise.holders.set(node, has(promise));
}

void Oracle::hit(std::size_t node) {
  hit_.set(node);
  for (auto& promise : promises_) promise.holders.reset(node);
}

std::uint64_t Oracle::held(std::size_t node, const model::StreamId& stream) const {
  const auto found = disks_.find({node, stream});
  return found == disks_.end() ? first_before(stream) : found->second.end;
}

bool Oracle::holds(std::size_t node, const model::StreamId& stream, std::uint64_t seq) const {
  return held(node, stream) >= seq;
}

void Oracle::promise(std::size_t node, const model::Entry& entry) {
  Promise made{node, entry.dot(), entry.public_part, {}};
  if (!hit_.test(node)) made.holders.set(node);
  by_dot_[made.dot].push_back(promises_.size());
  promises_.push_back(std::move(made));
}

}  // namespace airbridge::simulate
