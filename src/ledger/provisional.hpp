#pragma once
// The picture of somebody else, shown to who comes late until its own log holds as much. Only shown: it advances no
// vector, is never written, and what it says is "not yet verified". Beside it the own fold grows from the events; when
// that holds all the picture was made of, it takes its place, and the two must have the same hash (DESIGN 5).
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "ledger/picture_transfer.hpp"
#include "ledger/surroundings.hpp"
#include "picture/fold.hpp"

namespace airbridge::ledger {

struct ProvisionalInfo {
  model::KeyId from;         // who made the picture
  UtcTime made{};            // by its clock
  std::uint64_t events = 0;  // it was made of
  std::uint64_t here = 0;    // of these
};

class Provisional {
 public:
  Provisional(Surroundings& around, const model::IncidentId& incident, const model::Genesis& genesis,
              const picture::FoldLimits& limits)
      : around_(around), incident_(incident), genesis_(genesis), limits_(limits) {}

  // Opened aside; poll() finds it done. One at a time: others are left.
  void take(Bytes transfer);
  bool is_busy() const { return opening_ != nullptr || fold_.has_value(); }
  bool is_shown() const { return fold_.has_value(); }

  // True when a picture begins to be shown now. `own`: what is shown so far; readers go on from its number.
  bool poll(picture::Fold& own);
  // An event that the own fold took: those the picture was made without are merged into it. So must be those that were
  // folded before it was shown: of each stream what is beyond made_of().
  void apply(const picture::FoldEvent& event) {
    if (fold_) fold_->apply(event);
  }
  std::uint64_t made_of(const model::StreamId& stream) const;
  void fork(const model::StreamId& base, std::uint64_t from) {
    if (fold_) fold_->fork(base, from);
  }
  void observe(const model::Observation& observation, UtcTime now) {
    if (fold_) fold_->observe(observation, now);
  }
  void drop_lost(UtcTime now) {
    if (fold_) fold_->drop_lost_tracks(now);
  }
  picture::PicturePtr publish() { return fold_->publish(); }

  // When the own fold has seen what the picture was made of, the picture goes, and `own` is what is shown.
  void settle(picture::Fold& own);
  // It cannot be merged with what came (a fork, a grant that does not stand): it goes at once.
  bool is_spoilt() const { return fold_ && fold_->needs_refold(); }
  void drop(picture::Fold& own);
  std::optional<ProvisionalInfo> info(const model::VersionVector& held) const;
  const std::string& doubt() const { return doubt_; }  // the last one differed from what its events gave

 private:
  struct Opening;
  Surroundings& around_;
  const model::IncidentId incident_;
  const model::Genesis genesis_;
  const picture::FoldLimits limits_;
  std::shared_ptr<Opening> opening_;
  std::optional<picture::Fold> fold_;
  TransferHead head_;
  model::VersionVector made_of_;
  std::string doubt_;
};

}  // namespace airbridge::ledger
