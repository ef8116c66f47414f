#pragma once
// A log in memory for tests and fuzzing: everything appended is durable at once.
#include <map>

#include "sync/log_view.hpp"
#include "sync/vector.hpp"
#include "trust/keys.hpp"

namespace airbridge::sync {

class MemoryLog final : public LogView {
 public:
  MemoryLog(const model::IncidentId& incident, const model::Writer& own) : incident_(incident), own_(own) {}

  void set_own(const model::Writer& own) { own_ = own; }
  void set_persons(std::vector<model::KeyId> persons) { persons_ = std::move(persons); }
  void add_key(const model::PublicKey& key) { keys_[model::key_id_of(key)] = key; }
  // False when the run does not continue what is here; entries already here are skipped, but for a private part that
  // was withheld.
  bool append(const model::SealedRun& run) {
    auto& stream = streams_[run.seal.stream];
    if (stream.heads.empty()) {
      stream.from = run.seal.stream.is_branch() ? run.seal.stream.branch.from - 1 : 0;
      const auto start = start_of(run.seal.stream, stream.from);
      if (!start) {
        streams_.erase(run.seal.stream);
        return false;
      }
      stream.heads.push_back(*start);
    }
    bool fuller = false;
    for (const auto& entry : run.entries) {
      if (entry.seq > stream.from && entry.seq <= stream.end()) {
        auto& held = stream.entries[entry.seq - stream.from - 1];
        if (held.private_part == model::PrivatePart::withheld(entry.private_part.hash) && held != entry) {
          held = entry;
          fuller = true;
        }
      }
      if (entry.seq <= stream.end()) continue;
      if (entry.seq != stream.end() + 1) return false;
      stream.entries.push_back(entry);
      stream.heads.push_back(model::chain_next(stream.heads.back(), entry));
    }
    if (fuller && run.entries.back().seq < run.seal.seq) return true;
    if (stream.heads.back() != run.seal.head) return false;
    stream.seals[run.seal.seq] = run.seal;
    return true;
  }
  // Makes an own event of `size` bytes and seals it.
  void write(const trust::SigningKey& key, model::Class cls, std::size_t size, std::uint8_t fill = 7,
             bool seal = true) {
    const model::StreamId id{own_, cls, {}};
    auto& stream = streams_[id];
    if (stream.heads.empty()) stream.heads.push_back(model::chain_start(incident_, id));
    model::Entry entry;
    entry.stream = id;
    entry.seq = stream.end() + 1;
    entry.public_part = Bytes(size, fill);
    stream.heads.push_back(model::chain_next(stream.heads.back(), entry));
    stream.entries.push_back(std::move(entry));
    add_key(key.public_key());
    if (seal) stream.seals[stream.end()] = trust::make_seal(key, incident_, id, stream.end(), stream.heads.back());
  }
  // As when a disk rots: the seals after `sealed` are gone, and the events after `end`.
  void lose(const model::StreamId& id, std::uint64_t sealed, std::uint64_t end) {
    auto& stream = streams_.at(id);
    stream.seals.erase(stream.seals.upper_bound(sealed), stream.seals.end());
    stream.entries.resize(end - stream.from);
    stream.heads.resize(end - stream.from + 1);
  }
  std::vector<model::Entry> entries(const model::StreamId& id) const {
    const auto found = streams_.find(id);
    return found == streams_.end() ? std::vector<model::Entry>{} : found->second.entries;
  }

  model::VersionVector vector() const override {
    model::VersionVector out;
    for (const auto& [id, stream] : streams_) {
      if (!stream.seals.empty()) out[id] = stream.seals.rbegin()->first;
    }
    return out;
  }
  std::optional<model::Hash> chain_at(const model::StreamId& id, std::uint64_t seq) const override {
    const auto found = streams_.find(id);
    if (found == streams_.end() || seq < found->second.from) return start_of(id, seq);
    const auto index = seq - found->second.from;
    if (index >= found->second.heads.size()) return std::nullopt;
    return found->second.heads[index];
  }
  std::vector<model::SealedRun> runs_after(const model::StreamId& id, std::uint64_t seq,
                                           std::size_t bytes_max) const override {
    std::vector<model::SealedRun> out;
    const auto found = streams_.find(id);
    if (found == streams_.end()) return out;
    const auto& stream = found->second;
    std::size_t bytes = 0;
    for (auto it = stream.seals.upper_bound(seq); it != stream.seals.end() && (out.empty() || bytes < bytes_max);
         ++it) {
      model::SealedRun run{{}, it->second};
      for (auto at = seq + 1; at <= it->first; ++at) {
        run.entries.push_back(stream.entries[at - stream.from - 1]);
        bytes += run.entries.back().size();
      }
      seq = it->first;
      out.push_back(std::move(run));
    }
    return out;
  }
  std::optional<model::PublicKey> author_key(const model::KeyId& author) const override {
    const auto found = keys_.find(author);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<model::KeyId> persons() const override { return persons_; }
  model::Writer own_writer() const override { return own_; }

 private:
  struct Stream {
    std::uint64_t from = 0;
    std::vector<model::Entry> entries;
    std::vector<model::Hash> heads;  // heads[i] is after entry from + i
    std::map<std::uint64_t, model::Seal> seals;
    std::uint64_t end() const { return from + entries.size(); }
  };
  std::optional<model::Hash> start_of(const model::StreamId& id, std::uint64_t seq) const {
    if (id.is_branch()) return seq < id.branch.from ? chain_at(id.base(), seq) : std::nullopt;
    return seq == 0 ? std::optional(model::chain_start(incident_, id)) : std::nullopt;
  }
  model::IncidentId incident_;
  model::Writer own_;
  std::vector<model::KeyId> persons_;
  std::map<model::StreamId, Stream> streams_;
  std::map<model::KeyId, model::PublicKey> keys_;
};

}  // namespace airbridge::sync
