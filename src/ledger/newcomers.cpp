// The picture for who comes late: packing one's own, and showing another's until the log holds as much.
#include <atomic>
#include <set>

#include "ledger/ledger.hpp"

namespace airbridge::ledger {
namespace {

constexpr std::size_t read_bytes = 4 * 1024 * 1024;
constexpr Milliseconds packed_kept{10'000};  // who asks within this time gets the same picture
constexpr Milliseconds settle_every{1'000};  // so often is looked whether the log holds as much as the picture shown

}  // namespace

struct Ledger::Packing {
  picture::Fold::Frozen frozen;
  TransferHead head;
  std::atomic<bool> done{false};
  std::shared_ptr<const Bytes> packed;
  SteadyTime begun{};
  std::vector<std::function<void(std::shared_ptr<const Bytes>)>> asked;
  std::function<void()> wait;  // last, so that it goes first: the thread it waits for writes into the rest
};

void Ledger::pack_picture(std::function<void(std::shared_ptr<const Bytes>)> done) {
  // A picture that is not verified here is nobody's to pass on.
  if (!open_ || provisional_.is_shown() || fold_broken_ || fold_.needs_refold()) return done(nullptr);
  if (packing_ && packing_->done && around_.now().steady >= packing_->begun + packed_kept) packing_.reset();
  if (packing_) {
    packing_->asked.push_back(std::move(done));
    return;
  }
  packing_ = std::make_shared<Packing>();
  packing_->asked.push_back(std::move(done));
  packing_->begun = around_.now().steady;
  packing_->frozen = fold_.freeze();
  auto& head = packing_->head;
  head.incident = incident_;
  head.made = around_.now().utc;
  head.state = fold_.state_hash();
  std::set<model::KeyId> authors;
  for (const auto& [stream, seq] : view_.vector()) {
    if (stream.is_branch()) continue;
    for (auto& run : view_.runs_after(stream, seq - 1, 1)) {
      if (run.seal.seq != seq) continue;
      head.seals.push_back(run.seal);
      authors.insert(stream.writer.author);
    }
  }
  for (const auto& author : authors) {
    if (const auto key = view_.author_key(author)) head.keys.push_back(*key);
  }
  packing_->wait = around_.begin([packing = packing_.get(), key = author_.key()] {
    const auto bytes = packing->frozen.bytes();
    packing->frozen = {};
    auto packed = pack_transfer(std::move(packing->head), bytes, key);
    if (!packed.empty()) packing->packed = std::make_shared<const Bytes>(std::move(packed));
    packing->done = true;
  });
}

void Ledger::poll_packing() {
  if (!packing_ || !packing_->done) return;
  if (packing_->wait) std::exchange(packing_->wait, nullptr)();
  for (const auto& done : std::exchange(packing_->asked, {})) done(packing_->packed);
  if (around_.now().steady >= packing_->begun + packed_kept) packing_.reset();
}

picture::PicturePtr Ledger::publish() {
  poll_packing();
  if (provisional_.poll(fold_)) {
    for (const auto& [stream, seq] : view_.vector()) {
      if (stream.is_branch()) continue;
      for (auto after = provisional_.made_of(stream); after < seq;) {
        const auto runs = view_.runs_after(stream, after, read_bytes);
        if (runs.empty()) break;
        for (const auto& run : runs) {
          for (const auto& entry : run.entries) provisional_.apply(fold_event(entry));
        }
        after = runs.back().entries.back().seq;
      }
    }
    for (const auto& [stream, from] : fold_.forks()) provisional_.fork(stream, from);
  }
  if (provisional_.is_spoilt()) provisional_.drop(fold_);
  settle_provisional();
  return provisional_.is_shown() ? provisional_.publish() : fold_.publish();
}

void Ledger::settle_provisional() {
  if (!provisional_.is_shown()) return;
  const auto now = around_.now().steady;
  if (settle_at_ && now < *settle_at_) return;
  settle_at_ = now + settle_every;
  provisional_.settle(fold_);
}

std::optional<ProvisionalInfo> Ledger::provisional() const { return provisional_.info(view_.vector()); }

}  // namespace airbridge::ledger
