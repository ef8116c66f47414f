#pragma once
// What the store's tests share: an incident, a few authors who write and seal, and short names for the calls.
#include <doctest/doctest.h>

#include <deque>

#include "base/rng.hpp"
#include "store/log.hpp"
#include "store/sim_disk.hpp"
#include "trust/keys.hpp"

namespace airbridge::store::testing {

inline const UtcTime noon = utc_from_ms(1773480600000);  // 2026-03-14T09:30:00Z

inline model::IncidentId test_incident() {
  model::IncidentId id;
  for (std::size_t i = 0; i < id.value.size(); ++i) id.value[i] = static_cast<std::uint8_t>(i * 7 + 1);
  return id;
}

inline trust::SigningKey test_key(std::uint8_t number) {
  trust::SigningKey::Seed seed;
  seed.value.fill(number);
  return trust::SigningKey::from_seed(seed);
}

// An author with one stream, who knows what it wrote: the naive twin of the log.
class Author {
 public:
  explicit Author(std::uint8_t number, std::uint32_t incarnation = 1, model::Class cls = model::Class::Important)
      : key_(test_key(number)), stream_{{key_.id(), incarnation}, cls, {}} {
    chain_.push_back(model::chain_start(test_incident(), stream_));
  }
  const model::StreamId& stream() const { return stream_; }
  const trust::SigningKey& key() const { return key_; }
  const std::vector<model::Entry>& entries() const { return entries_; }
  std::uint64_t last() const { return entries_.size(); }

  const model::Entry& write(Bytes content) {
    model::Entry entry;
    entry.stream = stream_;
    entry.seq = entries_.size() + 1;
    entry.public_part = std::move(content);
    chain_.push_back(model::chain_next(chain_.back(), entry));
    entries_.push_back(std::move(entry));
    return entries_.back();
  }
  const model::Entry& write(std::string_view text) { return write(to_bytes(as_bytes(text))); }
  model::Seal seal(std::uint64_t seq) const {
    return trust::make_seal(key_, test_incident(), stream_, seq, chain_[static_cast<std::size_t>(seq)]);
  }
  model::Seal seal() const { return seal(last()); }
  model::SealedRun run(std::uint64_t from, std::uint64_t to) const {
    model::SealedRun out;
    for (auto seq = from; seq <= to; ++seq) out.entries.push_back(entries_[static_cast<std::size_t>(seq - 1)]);
    out.seal = seal(to);
    return out;
  }
  model::Hash head(std::uint64_t seq) const { return chain_[static_cast<std::size_t>(seq)]; }
  // Goes back to an earlier state, as a node does whose append was refused.
  void forget_after(std::uint64_t seq) {
    entries_.resize(static_cast<std::size_t>(seq));
    chain_.resize(static_cast<std::size_t>(seq) + 1);
  }

 private:
  trust::SigningKey key_;
  model::StreamId stream_;
  std::vector<model::Entry> entries_;
  std::vector<model::Hash> chain_;
};

inline LogOptions small_options() {
  LogOptions options;
  options.segment_bytes = 4096;
  options.allocate_bytes = 4096;
  options.resume_free_bytes = 2048;
  options.salt = 0x5eed5a17;
  options.created_by = "airbridge test";
  return options;
}

inline Log open_log(Disk& disk, LogOptions options = small_options()) {
  auto log = Log::open(disk, test_incident(), std::move(options), noon);
  if (!log) FAIL(log.error().what);
  return std::move(*log);
}

inline void must(bool done) { REQUIRE(done); }

inline model::CommandId command_id(std::uint8_t number) {
  model::CommandId id;
  id.value.fill(number);
  return id;
}

}  // namespace airbridge::store::testing
