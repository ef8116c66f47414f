#pragma once
// A disk in memory that does what bad disks do, from a seed. Any thread.
//
// Written bytes are seen at once by readers, as through a page cache, and reach the platter at fdatasync(). Names
// (create, rename, remove) reach it at sync_directory(). crash() is a power cut: of what was not synced each block of
// 512 B to 4 KiB is independently kept, dropped or torn, of the names a prefix of the changes is kept. File objects
// from before a crash fail with Io: the process they belonged to is gone.
#include <functional>
#include <map>
#include <mutex>

#include "base/rng.hpp"
#include "store/disk.hpp"

namespace airbridge::store {

class SimDisk final : public Disk {
 public:
  explicit SimDisk(std::uint64_t seed) : rng_(seed) {}

  DiskResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  DiskResult<void> rename(std::string_view from, std::string_view to) override;
  DiskResult<void> remove(std::string_view name) override;
  DiskResult<std::vector<std::string>> list() const override;
  DiskResult<void> sync_directory() override;
  DiskResult<std::uint64_t> free_bytes() const override;
  std::string where() const override { return "simulated disk"; }

  // Power cut. Lose: everything unsynced goes. Keep: everything stays (a killed process). Mixed: as told above.
  enum class Cut { Mixed, Lose, Keep };
  void crash(Cut cut = Cut::Mixed);

  // All sizes together may not exceed this: then writes fail with Full after a part has been written.
  void set_quota(std::uint64_t bytes);
  // The next `count` calls of fdatasync fail, and what they should have saved never is ("fsyncgate").
  void fail_fdatasync(int count);
  // The next `count` writes fail with Io after a random prefix.
  void fail_writes(int count);
  // Reading any of these bytes fails with Io, until they are written again.
  void set_bad_sector(std::string_view name, std::uint64_t offset, std::uint64_t length);
  // All later changes are refused as ReadOnly, or work again.
  void set_read_only(bool read_only);
  // From now on fdatasync says that all is well and does nothing; sync_all() then does what was left undone.
  void pretend_to_sync(bool pretends);
  void sync_all();
  // Runs inside every fdatasync, before it takes effect and without a lock held: a slow disk, or a place to look from.
  void on_fdatasync(std::function<void()> hook);

  // Damage on the platter and in the cache alike. False when there is no such byte.
  bool flip(std::string_view name, std::uint64_t byte, std::uint8_t mask);
  // Flips a random bit in a random file whose name satisfies `which`; tells where.
  struct Flipped {
    std::string name;
    std::uint64_t byte = 0;
    std::uint8_t mask = 0;
  };
  std::optional<Flipped> flip_random(const std::function<bool(std::string_view)>& which);
  // Whole contents, for tests.
  Bytes content(std::string_view name) const;
  void set_content(std::string_view name, Bytes bytes);  // durable at once
  bool exists(std::string_view name) const;
  // The files as a power cut would leave them that takes all that is not synced.
  std::map<std::string, Bytes> durable_files() const;

  std::uint64_t syncs() const;     // successful fdatasync calls so far
  std::uint64_t failures() const;  // writes and fdatasync calls that failed so far, for want of room too

 private:
  friend class SimFile;
  struct Inode {
    Bytes cache;                                                 // what readers see
    Bytes platter;                                               // what survives
    std::vector<std::pair<std::uint64_t, std::uint64_t>> dirty;  // offset, length
    std::uint64_t bad_from = 0;                                  // a bad sector, empty by default
    std::uint64_t bad_to = 0;
    std::uint64_t low_size = 0;  // least size since the last sync
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>, std::less<>>;
  struct NameChange {
    std::string from;  // empty: created
    std::string to;    // empty: removed
    std::shared_ptr<Inode> inode;
  };
  static void apply(Names& names, const NameChange& change);
  void change_name(NameChange change);
  void crash_file(Inode& inode, Cut cut);
  static void sync_file(Inode& inode);
  std::uint64_t used() const;

  mutable std::mutex mutex_;
  Rng rng_;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> pending_;
  std::uint64_t life_ = 0;  // crashes so far; files opened in an earlier life are dead
  std::uint64_t quota_ = UINT64_MAX;
  int failing_syncs_ = 0;
  int failing_writes_ = 0;
  std::uint64_t failures_ = 0;
  bool read_only_ = false;
  bool pretends_ = false;
  std::uint64_t syncs_ = 0;
  std::function<void()> hook_;
};

}  // namespace airbridge::store
