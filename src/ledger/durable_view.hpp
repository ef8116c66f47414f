#pragma once
// What peers may know of the log: what is durable, and nothing else.
#include "ledger/surroundings.hpp"
#include "picture/fold.hpp"
#include "sync/log_view.hpp"

namespace airbridge::ledger {

class DurableView final : public sync::LogView {
 public:
  // The roster is read later, whenever it is asked about.
  DurableView(Surroundings& around, const model::Writer& own, const picture::Fold& fold)
      : around_(around), own_(own), fold_(fold) {}
  model::VersionVector vector() const override {
    return around_.read([](store::Log& log) { return log.vector(); });
  }
  std::optional<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq) const override {
    const auto head = around_.read([&](store::Log& log) { return log.chain_at(stream, seq); });
    return head ? std::optional(*head) : std::nullopt;
  }
  std::vector<model::SealedRun> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                           std::size_t bytes_max) const override {
    auto runs = around_.read([&](store::Log& log) { return log.runs_after(stream, seq, bytes_max); });
    if (runs) return std::move(*runs);
    around_.tell(log::Level::Warn, "cannot read what a peer lacks",
                 {{"stream", model::to_text(stream)}, {"why", runs.error().what}});
    return {};
  }
  std::optional<model::PublicKey> author_key(const model::KeyId& author) const override {
    return around_.read([&](store::Log& log) { return log.author_key(author); });
  }
  std::vector<model::KeyId> persons() const override {
    std::vector<model::KeyId> out;
    for (const auto& [id, member] : fold_.roster().members()) {
      if (member.granted && member.grant.subject == trust::SubjectKind::Person) out.push_back(id);
    }
    return out;
  }
  model::Writer own_writer() const override { return own_; }

 private:
  Surroundings& around_;
  const model::Writer& own_;
  const picture::Fold& fold_;
};

}  // namespace airbridge::ledger
