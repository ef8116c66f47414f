#include "store/sim_disk.hpp"

#include <algorithm>

namespace airbridge::store {
namespace {
auto fault(DiskFault kind, std::string what) { return failure(DiskError{kind, std::move(what)}); }
constexpr std::uint64_t sector = 512;
}  // namespace

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, std::shared_ptr<SimDisk::Inode> inode, std::string name, bool writable)
      : disk_(disk), inode_(std::move(inode)), name_(std::move(name)), writable_(writable), life_(disk.life_) {}

  DiskResult<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    const std::scoped_lock lock(disk_.mutex_);
    if (life_ != disk_.life_) return dead();
    const auto& bytes = inode_->cache;
    if (offset >= bytes.size()) return std::size_t{0};
    const auto count = std::min<std::uint64_t>(out.size(), bytes.size() - offset);
    if (offset < inode_->bad_to && inode_->bad_from < offset + count)
      return fault(DiskFault::Io, "bad sector in " + name_);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    return static_cast<std::size_t>(count);
  }

  DiskResult<void> write_at(std::uint64_t offset, ByteView bytes) override {
    const std::scoped_lock lock(disk_.mutex_);
    if (auto ready = check(); !ready) return ready;
    std::uint64_t count = bytes.size();
    DiskResult<void> outcome;
    if (disk_.failing_writes_ > 0) {
      --disk_.failing_writes_;
      count = disk_.rng_.below(bytes.size() + 1);
      outcome = fault(DiskFault::Io, "simulated write error on " + name_);
    }
    const auto others = disk_.used() - inode_->cache.size();
    const auto room = disk_.quota_ > others ? disk_.quota_ - others : 0;
    if (offset + count > std::max<std::uint64_t>(room, inode_->cache.size())) {
      count = room > offset ? room - offset : 0;
      outcome = fault(DiskFault::Full, "no room on the simulated disk for " + name_);
    }
    if (!outcome) ++disk_.failures_;
    if (count == 0) return outcome;
    if (offset + count > inode_->cache.size()) inode_->cache.resize(static_cast<std::size_t>(offset + count));
    std::copy_n(bytes.begin(), count, inode_->cache.begin() + static_cast<std::ptrdiff_t>(offset));
    inode_->dirty.emplace_back(offset, count);
    if (offset <= inode_->bad_from && offset + count >= inode_->bad_to) inode_->bad_from = inode_->bad_to = 0;
    return outcome;
  }

  DiskResult<std::uint64_t> size() const override {
    const std::scoped_lock lock(disk_.mutex_);
    if (life_ != disk_.life_) return dead();
    return inode_->cache.size();
  }

  DiskResult<void> truncate(std::uint64_t size) override {
    const std::scoped_lock lock(disk_.mutex_);
    if (auto ready = check(); !ready) return ready;
    return resize(size);
  }

  DiskResult<void> allocate(std::uint64_t size) override {
    const std::scoped_lock lock(disk_.mutex_);
    if (auto ready = check(); !ready) return ready;
    return size > inode_->cache.size() ? resize(size) : DiskResult<void>();
  }

  DiskResult<void> fdatasync() override {
    std::function<void()> hook;
    {
      const std::scoped_lock lock(disk_.mutex_);
      hook = disk_.hook_;
    }
    if (hook) hook();
    const std::scoped_lock lock(disk_.mutex_);
    if (auto ready = check(); !ready) return ready;
    auto& inode = *inode_;
    if (disk_.pretends_) return {};
    if (disk_.failing_syncs_ > 0) {
      --disk_.failing_syncs_;
      ++disk_.failures_;
      inode.dirty.clear();  // the kernel marks the pages clean: a later sync will not write them either
      return fault(DiskFault::Io, "simulated fdatasync error on " + name_);
    }
    SimDisk::sync_file(inode);
    ++disk_.syncs_;
    return {};
  }

 private:
  tl::unexpected<DiskError> dead() const { return fault(DiskFault::Io, name_ + " was open when the power went"); }
  DiskResult<void> check() const {
    if (life_ != disk_.life_) return dead();
    if (!writable_ || disk_.read_only_) return fault(DiskFault::ReadOnly, name_ + " is read-only");
    return {};
  }
  DiskResult<void> resize(std::uint64_t size) {
    if (size > inode_->cache.size() && disk_.used() + (size - inode_->cache.size()) > disk_.quota_) {
      ++disk_.failures_;
      return fault(DiskFault::Full, "no room on the simulated disk for " + name_);
    }
    inode_->cache.resize(static_cast<std::size_t>(size));
    inode_->low_size = std::min(inode_->low_size, size);
    return {};
  }

  SimDisk& disk_;
  std::shared_ptr<SimDisk::Inode> inode_;
  std::string name_;
  bool writable_;
  std::uint64_t life_;
};

void SimDisk::sync_file(Inode& inode) {
  if (inode.low_size < inode.platter.size()) inode.platter.resize(static_cast<std::size_t>(inode.low_size));
  inode.platter.resize(inode.cache.size());
  for (const auto& [offset, length] : inode.dirty) {
    if (offset >= inode.cache.size()) continue;
    const auto count = std::min<std::uint64_t>(length, inode.cache.size() - offset);
    std::copy_n(inode.cache.begin() + static_cast<std::ptrdiff_t>(offset), count,
                inode.platter.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  inode.dirty.clear();
  inode.low_size = inode.cache.size();
}

void SimDisk::pretend_to_sync(bool pretends) {
  const std::scoped_lock lock(mutex_);
  pretends_ = pretends;
}

void SimDisk::sync_all() {
  const std::scoped_lock lock(mutex_);
  for (auto& [name, inode] : names_) sync_file(*inode);
}

std::map<std::string, Bytes> SimDisk::durable_files() const {
  const std::scoped_lock lock(mutex_);
  std::map<std::string, Bytes> out;
  for (const auto& [name, inode] : durable_names_) out[name] = inode->platter;
  return out;
}

void SimDisk::apply(Names& names, const NameChange& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.inode;
}

void SimDisk::change_name(NameChange change) {
  apply(names_, change);
  pending_.push_back(std::move(change));
}

std::uint64_t SimDisk::used() const {
  std::uint64_t sum = 0;
  for (const auto& [name, inode] : names_) sum += inode->cache.size();
  return sum;
}

DiskResult<std::unique_ptr<File>> SimDisk::open(std::string_view name, OpenMode mode) {
  const std::scoped_lock lock(mutex_);
  auto found = names_.find(name);
  if (found == names_.end()) {
    if (mode != OpenMode::Create) return fault(DiskFault::NotFound, "no file " + std::string(name));
    if (read_only_) return fault(DiskFault::ReadOnly, "the simulated disk is read-only");
    change_name({"", std::string(name), std::make_shared<Inode>()});
    found = names_.find(name);
  }
  return std::make_unique<SimFile>(*this, found->second, std::string(name), mode != OpenMode::Read);
}

DiskResult<void> SimDisk::rename(std::string_view from, std::string_view to) {
  const std::scoped_lock lock(mutex_);
  if (read_only_) return fault(DiskFault::ReadOnly, "the simulated disk is read-only");
  const auto found = names_.find(from);
  if (found == names_.end()) return fault(DiskFault::NotFound, "no file " + std::string(from));
  change_name({std::string(from), std::string(to), found->second});
  return {};
}

DiskResult<void> SimDisk::remove(std::string_view name) {
  const std::scoped_lock lock(mutex_);
  if (read_only_) return fault(DiskFault::ReadOnly, "the simulated disk is read-only");
  if (!names_.contains(name)) return fault(DiskFault::NotFound, "no file " + std::string(name));
  change_name({std::string(name), "", nullptr});
  return {};
}

DiskResult<std::vector<std::string>> SimDisk::list() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [name, inode] : names_) out.push_back(name);
  return out;
}

DiskResult<void> SimDisk::sync_directory() {
  const std::scoped_lock lock(mutex_);
  if (read_only_) return fault(DiskFault::ReadOnly, "the simulated disk is read-only");
  durable_names_ = names_;
  pending_.clear();
  return {};
}

DiskResult<std::uint64_t> SimDisk::free_bytes() const {
  const std::scoped_lock lock(mutex_);
  const auto taken = used();
  return quota_ > taken ? quota_ - taken : 0;
}

void SimDisk::crash_file(Inode& inode, Cut cut) {
  if (cut == Cut::Keep) return;
  Bytes after = inode.platter;
  if (cut == Cut::Mixed) {
    if (inode.low_size < after.size() && rng_.chance(0.5)) after.resize(static_cast<std::size_t>(inode.low_size));
    const std::uint64_t block = sector << rng_.below(4);  // 512 B .. 4 KiB
    for (const auto& [offset, length] : inode.dirty) {
      const auto end = std::min<std::uint64_t>(offset + length, inode.cache.size());
      for (auto at = offset / block * block; at < end; at += block) {
        auto from = std::max(at, offset);
        auto to = std::min(at + block, end);
        const auto fate = rng_.below(5);
        if (fate >= 3) continue;                                                       // dropped
        if (fate == 2) (rng_.chance(0.5) ? from : to) = from + rng_.below(to - from);  // torn: one end of it
        if (after.size() < to) after.resize(static_cast<std::size_t>(to));
        std::copy(inode.cache.begin() + static_cast<std::ptrdiff_t>(from),
                  inode.cache.begin() + static_cast<std::ptrdiff_t>(to),
                  after.begin() + static_cast<std::ptrdiff_t>(from));
      }
    }
    if (inode.cache.size() > after.size() && rng_.chance(0.5))
      after.resize(inode.cache.size());  // only the length came
  }
  inode.cache = after;
  inode.platter = std::move(after);
}

void SimDisk::crash(Cut cut) {
  const std::scoped_lock lock(mutex_);
  const auto kept = cut == Cut::Keep ? pending_.size() : cut == Cut::Lose ? 0 : rng_.below(pending_.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) apply(durable_names_, pending_[i]);
  pending_.clear();
  names_ = durable_names_;
  for (auto& [name, inode] : names_) {
    crash_file(*inode, cut);
    if (cut != Cut::Keep) {
      inode->dirty.clear();
      inode->low_size = inode->cache.size();
    }
  }
  ++life_;
}

void SimDisk::set_quota(std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  quota_ = bytes;
}
void SimDisk::fail_fdatasync(int count) {
  const std::scoped_lock lock(mutex_);
  failing_syncs_ = count;
}
void SimDisk::fail_writes(int count) {
  const std::scoped_lock lock(mutex_);
  failing_writes_ = count;
}
void SimDisk::set_bad_sector(std::string_view name, std::uint64_t offset, std::uint64_t length) {
  const std::scoped_lock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end()) return;
  found->second->bad_from = offset;
  found->second->bad_to = offset + length;
}
void SimDisk::set_read_only(bool read_only) {
  const std::scoped_lock lock(mutex_);
  read_only_ = read_only;
}
void SimDisk::on_fdatasync(std::function<void()> hook) {
  const std::scoped_lock lock(mutex_);
  hook_ = std::move(hook);
}

bool SimDisk::flip(std::string_view name, std::uint64_t byte, std::uint8_t mask) {
  const std::scoped_lock lock(mutex_);
  const auto found = names_.find(name);
  if (found == names_.end() || byte >= found->second->cache.size()) return false;
  auto& inode = *found->second;
  inode.cache[static_cast<std::size_t>(byte)] ^= mask;
  if (byte < inode.platter.size()) inode.platter[static_cast<std::size_t>(byte)] ^= mask;
  return true;
}

std::optional<SimDisk::Flipped> SimDisk::flip_random(const std::function<bool(std::string_view)>& which) {
  Flipped out;
  {
    const std::scoped_lock lock(mutex_);
    std::uint64_t total = 0;
    for (const auto& [name, inode] : names_) total += which(name) ? inode->cache.size() : 0;
    if (total == 0) return std::nullopt;
    auto at = rng_.below(total);
    for (const auto& [name, inode] : names_) {
      if (!which(name)) continue;
      if (at < inode->cache.size()) {
        out = {name, at, static_cast<std::uint8_t>(1U << rng_.below(8))};
        break;
      }
      at -= inode->cache.size();
    }
  }
  flip(out.name, out.byte, out.mask);
  return out;
}

Bytes SimDisk::content(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = names_.find(name);
  return found == names_.end() ? Bytes() : found->second->cache;
}

void SimDisk::set_content(std::string_view name, Bytes bytes) {
  const std::scoped_lock lock(mutex_);
  auto inode = std::make_shared<Inode>();
  inode->cache = bytes;
  inode->low_size = bytes.size();
  inode->platter = std::move(bytes);
  names_[std::string(name)] = inode;
  durable_names_[std::string(name)] = inode;
}

bool SimDisk::exists(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  return names_.contains(name);
}

std::uint64_t SimDisk::syncs() const {
  const std::scoped_lock lock(mutex_);
  return syncs_;
}
std::uint64_t SimDisk::failures() const {
  const std::scoped_lock lock(mutex_);
  return failures_;
}

}  // namespace airbridge::store
