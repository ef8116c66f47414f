#pragma once
// Reading the log into memory at the start: every record, or those behind a snapshot.
#include "store/log.hpp"

namespace airbridge::store {

class Scan {
 public:
  using Headers = std::map<std::uint32_t, std::optional<SegmentHeader>>;
  // `headers`: the segments there are; nothing where the header cannot be read.
  Scan(Log& log, const Headers& headers) : log_(log), headers_(headers) {}

  // Reads from `from` (nowhere: the beginning) to the end and fills the log's tables.
  StoreResult<void> run(Location from, std::uint64_t next_arrival);

  // The last batch has damage inside or lacks its end, or the log ends in bytes that are no record: a batch that was
  // never acknowledged, unless the disk lost what it had.
  bool batch_torn() const { return batch_torn_ || !batch_ended_; }
  // The streams that grew in the torn batch, and the first sequence number of each that it brought.
  std::map<model::StreamId, std::uint64_t> torn_entries() const {
    const bool last = !batch_ended_ || (batch_torn_ && torn_batch_ == batch_);
    return last ? grown_ : std::map<model::StreamId, std::uint64_t>();
  }
  // The damage in the torn batch is what a power cut leaves.
  void settle_torn();
  std::uint64_t young_damage() const { return young_damage_; }  // damaged ranges behind the current incarnation's begin
  std::uint64_t next_arrival() const { return expected_; }
  std::uint16_t next_batch() const { return static_cast<std::uint16_t>(batch_ + 1); }

 private:
  StoreResult<void> segment(std::uint32_t number, std::uint64_t from, bool is_last);
  void record(std::uint32_t segment, const RecordView& view);
  void entry(const RecordView& view, Location at);
  void entry_known(const model::Entry& entry, const EntryPayload& parts, StreamState& state, Location at);
  void seal(const RecordView& view, Location at);
  void withdrawn(const RecordView& view);
  void damage(DamagedRange range);
  void missing_before(std::uint64_t arrival, std::uint32_t segment, std::uint64_t offset);
  void set_aside(const model::Dot& dot, Location at, std::string why);

  Log& log_;
  const Headers& headers_;
  std::uint64_t expected_ = 1;            // the next arrival number
  std::vector<std::size_t> torn_ranges_;  // in the last batch
  bool filled_ = false;                   // a hole, by a later record
  std::optional<std::size_t> open_;       // the damaged range whose missing arrival numbers are not known yet
  bool batch_torn_ = false;
  std::uint16_t torn_batch_ = 0;                    // the batch in which the last damage began
  std::uint16_t batch_ = 0;                         // of the last record
  bool batch_ended_ = true;                         // that record was its batch's last
  std::map<model::StreamId, std::uint64_t> grown_;  // in the last batch
  std::uint64_t young_damage_ = 0;
  const model::StreamId* last_stream_ = nullptr;
  StreamState* last_state_ = nullptr;
};

}  // namespace airbridge::store
