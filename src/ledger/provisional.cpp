#include "ledger/provisional.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace airbridge::ledger {

struct Provisional::Opening {
  Bytes transfer;
  std::atomic<bool> done{false};
  TransferHead head;
  std::optional<picture::Fold> fold;
  std::string why;             // there is none
  std::function<void()> wait;  // last, so that it goes first: the thread it waits for writes into the rest
};

void Provisional::take(Bytes transfer) {
  if (is_busy()) return;
  opening_ = std::make_shared<Opening>();
  opening_->transfer = std::move(transfer);
  opening_->wait =
      around_.begin([opening = opening_.get(), incident = incident_, genesis = genesis_, limits = limits_] {
        const auto open = [&]() -> std::string {
          auto transfer_open = open_transfer(opening->transfer, incident);
          opening->transfer = {};
          if (!transfer_open) return transfer_open.error();
          // Grants stand by themselves (docs/adr/0005): those the picture brings are the authority's.
          const auto refuse = [sender = model::key_id_of(transfer_open->head.sender)](const trust::Roster& roster) {
            return std::string(roster.may_write(sender) ? "" : "nobody granted who sent it");
          };
          auto fold = picture::Fold::load(transfer_open->snapshot, incident, genesis, limits, refuse);
          if (!fold) return fold.error().what;
          if (fold->state_hash() != transfer_open->head.state) return "it is not what it says";
          fold->publish();  // the first time all of it
          opening->head = std::move(transfer_open->head);
          opening->fold.emplace(std::move(*fold));
          return {};
        };
        try {
          opening->why = open();
        } catch (const std::exception& error) {  // no memory for it
          opening->why = error.what();
        }
        opening->done = true;
      });
}

bool Provisional::poll(picture::Fold& own) {
  if (!opening_ || !opening_->done) return false;
  opening_->wait();
  const auto opened = std::exchange(opening_, nullptr);
  if (!opened->fold) {
    around_.tell(log::Level::Warn, "the picture a node sent was not taken", {{"why", opened->why}});
    return false;
  }
  head_ = std::move(opened->head);
  fold_.emplace(std::move(*opened->fold));
  made_of_.clear();
  for (const auto& seal : head_.seals) made_of_[seal.stream] = std::max(made_of_[seal.stream], seal.seq);
  fold_->continue_after(own.publish()->seq());
  around_.tell(log::Level::Info, "showing the picture of another node until its events are here",
               {{"from", model::key_id_of(head_.sender).hex()}});
  return true;
}

std::uint64_t Provisional::made_of(const model::StreamId& stream) const {
  const auto found = made_of_.find(stream);
  return found == made_of_.end() ? 0 : found->second;
}

void Provisional::drop(picture::Fold& own) {
  own.continue_after(fold_->published()->seq());
  fold_.reset();
  head_ = {};
}

void Provisional::settle(picture::Fold& own) {
  if (!fold_) return;
  // A fold takes a stream in its order.
  for (const auto& seal : head_.seals) {
    if (!own.has_seen({seal.stream.writer, seal.stream.cls, seal.seq})) return;
  }
  const bool same = own.state_hash() == fold_->state_hash();
  doubt_.clear();
  if (same) {
    around_.tell(log::Level::Info, "the events are here, and give the picture that was shown");
  } else {
    doubt_ = fmt::format("The picture that {} sent was not what its events give; what is shown now is",
                         own.roster().name_of(model::key_id_of(head_.sender)));
    around_.tell(log::Level::Error, "the picture a node sent was not what its events give",
                 {{"from", model::key_id_of(head_.sender).hex()}});
  }
  drop(own);
}

std::optional<ProvisionalInfo> Provisional::info(const model::VersionVector& held) const {
  if (!fold_) return std::nullopt;
  ProvisionalInfo info{model::key_id_of(head_.sender), head_.made, 0, 0};
  for (const auto& seal : head_.seals) {
    info.events += seal.seq;
    const auto found = held.find(seal.stream);
    if (found != held.end()) info.here += std::min(found->second, seal.seq);
  }
  return info;
}

}  // namespace airbridge::ledger
