#pragma once
// The log: what happened, in the order it arrived here, on disk (DESIGN 5, docs/protocol/store.md).
//
// Append-only segments of records with checksums. append_*() checks and buffers; sync() makes everything buffered
// durable with one write and one fdatasync, or none of it. Only what is durable is seen by heads(), vector() and the
// readers. One Log belongs to one thread; Writer (writer.hpp) shares it between threads.
//
// Damage. Every record carries a checksum that is verified at every reading. A record that fails it is as good as not
// here: its stream has a hole, vector() falls back to before it so that peers send it again, and append_run() fills it.
//
// Incarnations. A sequence number must never get two contents. So whenever something of ours may have been lost after
// somebody saw it, must_begin_new_incarnation() says so and the node draws a new number: after a restore; when bytes of
// the log are damaged that are younger than the current incarnation; when the log ends in bytes that are no record;
// when the heads are not those of the last clean stop or snapshot.
//
// A power cut may tear the last batch. Nothing of it was acknowledged, for that follows the sync of the whole batch,
// and nothing of it could be sent. So the own entries of a torn batch are withdrawn, all of them (a record says so),
// and a repeated command writes them anew: a command is there as a whole or not at all. Of other authors' entries in it
// those without a seal are withdrawn: their senders hold them.
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "model/entry.hpp"
#include "store/error.hpp"
#include "store/meta.hpp"
#include "store/record.hpp"
#include "store/stream_table.hpp"

namespace airbridge::store {

struct LogOptions {
  std::uint64_t segment_bytes = 64 * 1024 * 1024;  // a batch that begins below this may end above it
  std::uint64_t allocate_bytes = 1024 * 1024;      // room reserved ahead, so that a sync need not grow the file
  std::uint64_t resume_free_bytes = 256 * 1024;    // after a full disk, writing goes on when so much is free
  std::size_t commands_max = 100'000;              // remembered here; older ones are in the index
  bool use_snapshot = true;                        // false: scan everything, for checking
  std::string created_by = "airbridge";
  std::optional<std::uint32_t> salt;  // of a new store; none: from the operating system. Simulations give one.
};

// A stretch of a segment whose bytes carry no valid record.
struct DamagedRange {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;        // 0: a whole segment or an unknown part of it is missing
  std::uint64_t arrival_from = 0;  // the arrival numbers that are missing here; 0: none is known to be
  std::uint64_t arrival_to = 0;
  bool torn_tail = false;  // the log ended so: a batch that was never acknowledged. No damage
  friend bool operator==(const DamagedRange&, const DamagedRange&) = default;
};
std::string describe(const DamagedRange& range);

// Two records of one dot with different bytes, or an entry its chain does not continue. The first one stands.
struct SetAside {
  model::Dot dot;
  Location location;
  std::string why;
};

struct ScanReport {
  std::uint64_t records = 0;  // read by this scan; those a snapshot vouches for are not
  std::uint64_t entries = 0;
  std::uint64_t seals = 0;
  std::uint64_t unknown = 0;     // of kinds this version does not know; kept
  std::uint64_t unreadable = 0;  // whole, but not to be decoded; kept
  std::uint64_t duplicates = 0;
  std::uint64_t torn_bytes = 0;    // cut from the end
  std::uint64_t damaged_more = 0;  // ranges beyond damaged_max
  std::vector<DamagedRange> damaged;
  std::vector<SetAside> set_aside;
  std::vector<std::string> notes;  // sentences for the diagnostics log
  bool clean_stop = false;
  bool heads_disagree = false;
  std::uint64_t snapshot_arrival = 0;  // 0: no snapshot was used
  bool withdrew_shown = false;         // something was withdrawn that the snapshot's picture may show
  std::chrono::duration<double> duration{};
};
inline constexpr std::string_view clean_name = "CLEAN";  // there between a clean stop and the next start
inline constexpr std::string_view doubt_name = "DOUBT";  // there until the next incarnation begins; holds the reason
inline constexpr std::string_view doubt_restored = "restored from a backup";
inline constexpr std::size_t damaged_max = 1000;    // ranges kept by name
inline constexpr std::size_t set_aside_max = 1000;  // records kept by name

enum class IncarnationReason : std::uint32_t { Fresh = 0, Restored = 1, Doubt = 2 };

struct Head {
  std::uint64_t seq = 0;         // the newest entry here
  model::Hash head;              // its h_n
  std::uint64_t contiguous = 0;  // everything up to here is here
  std::uint64_t sealed_seq = 0;  // the last sealed event with everything before it; 0: none
};

// A record as the readers by arrival number get it.
struct StoredRecord {
  RecordHeader header;
  Bytes payload;
  Location location;
};
struct StoredEntry {
  std::uint64_t arrival = 0;
  UtcTime time{};
  model::Hash head;
  model::CommandId command;
  model::Entry entry;
};
std::optional<StoredEntry> as_entry(const StoredRecord& record);  // nothing when it is no readable entry
std::optional<model::Seal> as_seal(const StoredRecord& record);

class Scan;

struct Appended {
  std::uint64_t arrival = 0;  // 0 when it was here already
  bool duplicate = false;
};

class Log {
 public:
  // Opens or makes the store of `incident` in `disk`, which must outlive the log. Everything read is durable when this
  // returns.
  static StoreResult<Log> open(Disk& disk, const model::IncidentId& incident, LogOptions options, UtcTime now);
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  ~Log();

  const ScanReport& report() const { return report_; }
  const Meta& meta() const { return meta_; }

  // Appending. Checked against what is here and what is buffered; a refused one leaves nothing behind. Duplicates of
  // what is here are no error. Seals' signatures are the caller's to verify; that their head is the chain's is checked.
  StoreResult<Appended> append_entry(const model::Entry& entry, const model::CommandId& command, UtcTime now);
  StoreResult<Appended> append_seal(const model::Seal& seal, UtcTime now);
  // All of the run or nothing. Entries already here are skipped, holes are filled (this is the repair).
  StoreResult<std::size_t> append_run(const model::SealedRun& run, UtcTime now);  // how many entries were new
  // The same for what sync hands over (sync::Accept): where the seal is of a later event than the last entry, the
  // entries fill a hole before a fork and are written without it. The arrival number of each entry; 0 of one that was
  // here.
  StoreResult<std::vector<std::uint64_t>> append_accepted(const model::SealedRun& run, UtcTime now);
  // Of a run that contradicts an entry that is here: what of it stands before that entry and fills holes. The chain of
  // what is here vouches for it, so the fork behind it can be found. Arrival numbers as above, of the entries before
  // the contradiction; empty when nothing of it was missing, or nothing here vouches for it.
  std::vector<std::uint64_t> append_before_contradiction(const model::SealedRun& run, UtcTime now);
  // A run whose seal holds contradicts what stands here behind the last seal, where rot took the seal or an event
  // before it: nothing proves that any more, here or to anybody. It is withdrawn from the contradiction on, so that the
  // run can be appended; true when that was so. Only at the beginning of a batch, and never in branches or what is
  // being written under.
  bool give_way(const model::SealedRun& run);
  StoreResult<Appended> append_author_key(const model::PublicKey& key, UtcTime now);
  StoreResult<Appended> append_genesis(const model::Genesis& genesis, UtcTime now);
  StoreResult<Appended> begin_incarnation(const model::Writer& own, IncarnationReason reason, UtcTime now);
  // A record without meaning: if it becomes durable the disk takes writes again.
  StoreResult<Appended> append_probe(UtcTime now);
  // Writes down, durably and at once, that own numbers are in doubt: until begin_incarnation() is durable a restart
  // begins a new one.
  StoreResult<void> note_doubt(const std::string& reason);

  // How much is buffered; drop everything buffered since a mark.
  struct Mark {
    std::size_t records = 0;
    std::size_t bytes = 0;
  };
  Mark mark() const { return {pending_.size(), buffer_.size()}; }
  void rollback(const Mark& mark);
  std::uint64_t next_arrival() const { return next_arrival_; }  // of the next record to be buffered
  std::size_t buffered_bytes() const { return buffer_.size(); }
  std::size_t buffered_records() const { return pending_.size(); }

  // Makes everything buffered durable; the last durable arrival number. On an error nothing of it counts and the
  // buffer is empty. After DiskFull appending is refused until room is back; after DiskError a new segment is begun.
  StoreResult<std::uint64_t> sync(UtcTime now);
  // The same in two steps, for Writer: flush() does the slow part and touches nothing that readers read; commit()
  // shows the result to them.
  StoreResult<void> flush(UtcTime now);
  StoreResult<std::uint64_t> commit(const StoreResult<void>& flushed, UtcTime now);

  // Why appending is refused at present; empty when it is not.
  const std::string& refusing() const { return refusing_; }
  DiskResult<std::uint64_t> free_bytes() const { return disk_->free_bytes(); }

  // What is durable.
  std::uint64_t durable_arrival() const { return durable_arrival_; }
  std::uint64_t entries() const { return entries_; }
  std::map<model::StreamId, Head> heads() const;
  std::optional<Head> head(const model::StreamId& stream) const;
  model::VersionVector vector() const;  // last contiguous sealed event of each stream
  StoreResult<StoredEntry> read_entry(const model::StreamId& stream, std::uint64_t seq);
  // The stored seal of exactly `seq`.
  StoreResult<model::Seal> read_seal(const model::StreamId& stream, std::uint64_t seq);
  // h_seq; also of buffered entries, so that they can be sealed. 0 is the start of the chain.
  StoreResult<model::Hash> chain_at(const model::StreamId& stream, std::uint64_t seq);
  // The head counting what is buffered: where the next own event goes.
  Head staged_head(const model::StreamId& stream);
  // For replication: runs that follow `seq`, up to the last seal, at most about `bytes_max` (one run at least).
  StoreResult<std::vector<model::SealedRun>> runs_after(const model::StreamId& stream, std::uint64_t seq,
                                                        std::size_t bytes_max);
  std::optional<model::PublicKey> author_key(const model::KeyId& id) const;
  std::vector<model::Dot> command(const model::CommandId& id) const;  // empty: unknown, or older than remembered
  bool remembers_all_commands() const { return !commands_.is_full(); }
  std::optional<model::Genesis> genesis();
  // Records with arrival number >= `arrival` in order, durable ones only, at most so many records and about so many
  // bytes. Records that were set aside are left out. Empty: nothing more.
  StoreResult<std::vector<StoredRecord>> read_from(std::uint64_t arrival, std::size_t records_max,
                                                   std::size_t bytes_max);

  // Damage.
  std::vector<Hole> holes() const;
  const std::vector<DamagedRange>& damaged() const { return report_.damaged; }
  // Torn ends are none: nothing that counted was in them. Nor is a stretch whose events came back from a peer: none is
  // when no stream has a hole and something was filled in since.
  std::uint64_t damage_count() const;
  std::uint64_t damage_found() const { return damage_found_; }  // the same since it was opened, and never less
  // Reads the next `bytes_max` of the log and checks them, going round: finds rot before it is needed. How much was
  // newly found.
  std::size_t scrub(std::size_t bytes_max);
  // Removes the snapshots beside the log, as is done whenever damage is found: those made before would believe, at the
  // next start, that what is lost is here. For a caller whose snapshot was under way meanwhile.
  void forget_snapshots();

  // Own incarnation: the last one begun here.
  const std::optional<model::Writer>& incarnation() const { return incarnation_; }
  bool must_begin_new_incarnation(const model::KeyId& own) const;
  std::string why_new_incarnation(const model::KeyId& own) const;  // empty: not needed
  // What the record of the next one says: Fresh in a new store, Restored after a restore, else Doubt.
  IncarnationReason next_reason() const;

  // A snapshot of the tables, so that the next start reads only the log behind it. Made in memory (8 MB and some 10 ms
  // for a million events), then saved with the caller's picture, which may happen elsewhere and later: it stays true.
  // The newest two are kept.
  struct Snapshot {
    std::uint64_t arrival = 0;
    Bytes tables;
  };
  Snapshot make_snapshot() const;
  // `picture_arrival`: the picture holds everything up to there, and may be older than the log.
  static StoreResult<void> save_snapshot(Disk& disk, const Snapshot& snapshot, ByteView picture,
                                         std::uint64_t picture_arrival);
  StoreResult<void> write_snapshot(ByteView picture) {
    return save_snapshot(*disk_, make_snapshot(), picture, durable_arrival_);
  }
  struct Picture {
    std::uint64_t arrival = 0;  // the picture holds everything up to here
    Bytes file;                 // the whole snapshot: the picture may be large, so it is not copied out
    std::size_t offset = 0, size = 0;
    ByteView bytes() const { return ByteView(file).subspan(offset, size); }
  };
  // The picture of the snapshot this log was opened from, handed over once.
  std::optional<Picture> take_picture() { return std::exchange(picture_, std::nullopt); }

  // Leaves the mark of a clean stop. Call when nothing is buffered; afterwards the log is only good for reading.
  StoreResult<void> close(UtcTime now);

  // What a backup copies: the segments and how far each is durable.
  struct SegmentExtent {
    std::uint32_t number = 0;
    std::uint64_t end = 0;
  };
  std::vector<SegmentExtent> extents() const;
  Disk& disk() const { return *disk_; }

 private:
  friend class Scan;
  friend class SnapshotCodec;
  struct Segment {
    std::uint64_t end = 0;  // durable bytes
    std::uint64_t first_arrival = 1;
  };
  struct Pending {
    Kind kind = Kind::Entry;
    std::size_t offset = 0;  // in buffer_
    std::uint64_t arrival = 0;
    model::StreamId stream;
    std::uint64_t seq = 0;
    model::Hash head;
    model::CommandId command;
    model::PublicKey key;
    bool fills = false;  // a hole, or a fuller copy
  };
  // What is buffered of one stream.
  struct Staged {
    std::vector<model::Hash> appended;  // h_n of the entries behind the durable head
    std::map<std::uint64_t, model::Hash> filled;
    std::set<std::uint64_t> seals;
  };

  Log(Disk& disk, LogOptions options) : disk_(&disk), options_(std::move(options)), commands_(options_.commands_max) {}

  StoreResult<void> may_append(UtcTime now);
  std::uint64_t buffer_record(Pending pending, std::initializer_list<ByteView> payload, UtcTime now);
  std::uint64_t buffer_entry(Pending pending, const model::Entry& entry, UtcTime now);
  std::uint64_t end_buffering(Pending& pending, UtcTime now);
  void stage(const Pending& pending);
  StoreResult<model::Hash> start_of(const model::StreamId& stream);
  StoreResult<Appended> append_known(const model::Entry& entry, const model::CommandId& command, UtcTime now);
  StoreResult<void> fits_before(const model::Entry& entry, const model::Hash& head);
  void apply(const Pending& pending, Location location);
  StreamState& state_of(const model::StreamId& stream);
  const StreamState* find(const model::StreamId& stream) const;

  StoreResult<std::shared_ptr<File>> file(std::uint32_t segment);
  StoreResult<RecordView> read_at(Location location, Bytes& scratch);
  void note_damage(Location location);
  void add_damage(DamagedRange range);
  void settle_damage();

  StoreResult<void> start_segment(std::uint32_t number, std::uint64_t previous_end, UtcTime now);
  StoreResult<void> flush_into_segment();
  void reserve_ahead(std::uint64_t end);
  std::string clean_text() const;
  StoreResult<void> open_store(UtcTime now);
  StoreResult<void> open_meta(const std::map<std::uint32_t, std::optional<SegmentHeader>>& headers);
  void judge(const Scan& scan);
  void withdraw(const model::StreamId& stream, std::uint64_t from, std::string_view why);
  void withdraw_unacknowledged(const std::map<model::StreamId, std::uint64_t>& begins, UtcTime now);
  void load_snapshot();
  void remove_quietly(std::string_view name);

  Disk* disk_;
  LogOptions options_;
  model::IncidentId incident_;
  Meta meta_;
  ScanReport report_;

  // What readers see.
  std::map<model::StreamId, StreamState> streams_;
  std::map<model::KeyId, model::PublicKey> keys_;
  CommandTable commands_;
  std::vector<ArrivalMark> marks_;
  std::map<std::uint32_t, Segment> segments_;
  std::map<std::uint32_t, std::shared_ptr<File>> files_;  // open for reading, at most open_files_max
  std::set<Location> skipped_;                            // records set aside
  Location genesis_;
  std::optional<model::Writer> incarnation_;
  Location incarnation_at_;
  std::uint64_t durable_arrival_ = 0;
  std::uint64_t entries_ = 0;
  std::string doubt_;
  bool doubt_noted_ = true;  // the file says it too
  std::optional<Picture> picture_;
  Location scrubbed_;

  // What only the writing thread touches.
  std::unique_ptr<File> active_;
  std::uint32_t active_number_ = 0;
  std::uint64_t active_end_ = 0;  // durable bytes
  std::uint64_t allocated_ = 0;
  std::uint64_t next_arrival_ = 1;  // of the next buffered record
  std::uint16_t batch_ = 1;         // number of the next sync
  Bytes buffer_;
  std::vector<Pending> pending_;
  std::map<model::StreamId, Staged> staged_;
  std::uint64_t damage_found_ = 0;
  std::map<model::StreamId, std::uint64_t> to_withdraw_;  // withdrawn, and no durable record says so yet
  std::string refusing_;
  bool refusing_full_ = false;
  bool needs_segment_ = false;                                   // the active one must not be written any more
  std::vector<std::pair<std::uint32_t, Segment>> new_segments_;  // begun by flush(), shown by commit()
};

}  // namespace airbridge::store
