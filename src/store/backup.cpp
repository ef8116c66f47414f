#include "store/backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>

#include "store/posix_disk.hpp"
#include "store/tar.hpp"

namespace airbridge::store {
namespace {

constexpr std::size_t chunk = 1024 * 1024;
constexpr std::string_view manifest_name = "MANIFEST";
constexpr std::string_view manifest_words = "airbridge backup 1";
constexpr std::string_view extra_folder = "extra/";
constexpr std::size_t manifest_bytes_max = 16 * 1024 * 1024;

class Hasher {
 public:
  Hasher() { crypto_generichash_blake2b_init(&state_, nullptr, 0, model::Hash::size); }
  void add(ByteView bytes) { crypto_generichash_blake2b_update(&state_, bytes.data(), bytes.size()); }
  model::Hash finish() {
    model::Hash out;
    crypto_generichash_blake2b_final(&state_, out.value.data(), out.value.size());
    return out;
  }

 private:
  crypto_generichash_blake2b_state state_;
};

auto io_failure(std::string_view doing, const std::string& path) {
  const int code = errno;
  const auto fault = code == ENOSPC || code == EDQUOT ? StoreFault::DiskFull
                     : code == ENOENT                 ? StoreFault::NotFound
                                                      : StoreFault::DiskError;
  return store_failure(fault, fmt::format("cannot {} {}: {}", doing, path, std::strerror(code)));
}

// A file that is closed when dropped.
class Handle {
 public:
  explicit Handle(int fd) : fd_(fd) {}
  ~Handle() {
    if (fd_ >= 0) ::close(fd_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  int fd() const { return fd_; }
  bool write_all(ByteView bytes) const {
    while (!bytes.empty()) {
      const auto put = ::write(fd_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return true;
  }
  // Fills `out` whole; false at the end of the file or on an error.
  bool read_all(std::span<std::uint8_t> out) const {
    while (!out.empty()) {
      const auto got = ::read(fd_, out.data(), out.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return true;
  }

 private:
  int fd_;
};

bool sync_folder(const std::string& path) {
  const Handle folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return folder.fd() >= 0 && ::fsync(folder.fd()) == 0;
}
std::string parent_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

bool good_name(std::string_view name) {
  constexpr std::size_t name_max = 64;
  return !name.empty() && name.size() <= name_max && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                  c == '_';
         });
}

std::string manifest_line(const model::Hash& hash, std::uint64_t size, std::string_view name) {
  return fmt::format("{} {} {}\n", hash.hex(), size, name);
}

// Writes tar members and keeps the manifest.
class Archive {
 public:
  Archive(const Handle& out, UtcTime now) : out_(out), now_(now) {}
  // `read(offset, span)` fills the span.
  template <class Read>
  StoreResult<void> add(const std::string& name, std::uint64_t size, const Read& read) {
    if (!out_.write_all(encode_tar({name, size}, now_))) return io_failure("write", "the backup");
    Hasher hasher;
    Bytes buffer;
    for (std::uint64_t at = 0; at < size; at += buffer.size()) {
      buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk, size - at)));
      if (auto done = read(at, std::span(buffer)); !done) return done;
      hasher.add(buffer);
      if (!out_.write_all(buffer)) return io_failure("write", "the backup");
    }
    if (!out_.write_all(Bytes(static_cast<std::size_t>(tar_padding(size))))) return io_failure("write", "the backup");
    lines_ += manifest_line(hasher.finish(), size, name);
    bytes_ += size;
    return {};
  }
  StoreResult<void> add(const std::string& name, ByteView content) {
    return add(name, content.size(), [&](std::uint64_t at, std::span<std::uint8_t> out) -> StoreResult<void> {
      std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(at), out.size(), out.begin());
      return {};
    });
  }
  StoreResult<void> finish(const BackupPlan& plan) {
    const auto manifest = fmt::format("{}\nincident {}\narrival {}\nmade {}\n{}", manifest_words,
                                      plan.meta.incident.hex(), plan.arrival, format_utc(now_), lines_);
    if (auto done = add(std::string(manifest_name), as_bytes(manifest)); !done) return done;
    return out_.write_all(Bytes(2 * tar_block)) ? StoreResult<void>() : io_failure("write", "the backup");
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  const Handle& out_;
  UtcTime now_;
  std::string lines_;
  std::uint64_t bytes_ = 0;
};

StoreResult<void> fill(Archive& archive, Disk& disk, const BackupPlan& plan, const std::vector<ExtraFile>& extra) {
  const auto version = encode(plan.meta);
  if (auto done = archive.add(std::string(version_name), as_bytes(version)); !done) return done;
  for (const auto& extent : plan.extents) {
    const auto name = segment_name(extent.number);
    const auto file = disk.open(name, OpenMode::Read);
    if (!file) return failure(from_disk(file.error()));
    const auto read = [&](std::uint64_t at, std::span<std::uint8_t> out) -> StoreResult<void> {
      const auto got = (*file)->read_at(at, out);
      if (!got) return failure(from_disk(got.error()));
      if (*got != out.size()) return store_failure(StoreFault::Damaged, name + " is shorter than it should be");
      return {};
    };
    if (auto done = archive.add(name, extent.end, read); !done) return done;
  }
  for (const auto& file : extra) {
    if (!good_name(file.name) || file.content.size() > extra_bytes_max) {
      return store_failure(StoreFault::Malformed, fmt::format("'{}' cannot go into a backup", file.name));
    }
    if (auto done = archive.add(std::string(extra_folder) + file.name, file.content); !done) return done;
  }
  return archive.finish(plan);
}

}  // namespace

BackupPlan plan_backup(const Log& log) { return {log.meta(), log.durable_arrival(), log.extents()}; }

StoreResult<BackupReport> write_backup(Disk& disk, const BackupPlan& plan, const std::vector<ExtraFile>& extra,
                                       const std::string& path, UtcTime now) {
  if (extra.size() > extra_files_max) return store_failure(StoreFault::Malformed, "too many extra files for a backup");
  if (std::filesystem::exists(path)) return store_failure(StoreFault::DiskError, path + " is there already");
  const auto partial = path + ".partial";
  const Handle out(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (out.fd() < 0) return io_failure("make", partial);
  Archive archive(out, now);
  auto done = fill(archive, disk, plan, extra);
  if (done && ::fsync(out.fd()) != 0) done = io_failure("sync", partial);
  if (done && ::rename(partial.c_str(), path.c_str()) != 0) done = io_failure("rename", partial);
  if (!done) {
    (void)::unlink(partial.c_str());
    return failure(done.error());
  }
  if (!sync_folder(parent_of(path))) return io_failure("sync the folder of", path);
  return BackupReport{plan.arrival, archive.bytes()};
}

namespace {

// Reads the members of a backup into a folder; what is read is only believed once the manifest agrees.
class Extraction {
 public:
  Extraction(const Handle& in, std::string path, std::string folder)
      : in_(in), path_(std::move(path)), folder_(std::move(folder)) {}

  StoreResult<void> run(RestoreReport& report) {
    while (true) {
      TarHeader header;
      if (!in_.read_all(header)) return damaged("it ends early");
      const auto entry = decode_tar(header);
      if (!entry) return damaged("a header is unreadable");
      if (entry->name == manifest_name) return manifest(*entry, report);
      if (seen_.contains(entry->name)) return damaged(entry->name + " is in it twice");
      if (auto done = member(*entry, report); !done) return done;
    }
  }

 private:
  tl::unexpected<StoreError> damaged(const std::string& why) const {
    return store_failure(StoreFault::Damaged, fmt::format("the backup {} is damaged: {}", path_, why));
  }

  StoreResult<void> member(const TarEntry& entry, RestoreReport& report) {
    const bool is_extra = entry.name.starts_with(extra_folder);
    const auto plain = is_extra ? entry.name.substr(extra_folder.size()) : entry.name;
    if (!good_name(plain) || (!is_extra && plain != version_name && !segment_number(plain))) {
      return damaged(fmt::format("'{}' does not belong in it", plain));
    }
    if (is_extra && (entry.size > extra_bytes_max || report.extra.size() >= extra_files_max)) {
      return damaged("an extra file is too big");
    }
    const auto target = folder_ + "/" + plain;
    const Handle out(is_extra ? -1 : ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!is_extra && out.fd() < 0) return io_failure("make", target);
    Hasher hasher;
    Bytes buffer;
    for (std::uint64_t at = 0; at < entry.size; at += buffer.size()) {
      buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk, entry.size - at)));
      if (!in_.read_all(buffer)) return damaged("it ends early");
      hasher.add(buffer);
      if (!is_extra && !out.write_all(buffer)) return io_failure("write", target);
    }
    if (!is_extra && ::fsync(out.fd()) != 0) return io_failure("sync", target);
    if (is_extra) report.extra.push_back({plain, entry.size == 0 ? Bytes() : buffer});
    Bytes padding(static_cast<std::size_t>(tar_padding(entry.size)));
    if (!in_.read_all(padding)) return damaged("it ends early");
    seen_[entry.name] = manifest_line(hasher.finish(), entry.size, entry.name);
    return {};
  }

  StoreResult<void> manifest(const TarEntry& entry, RestoreReport& report) {
    if (entry.size > manifest_bytes_max) return damaged("its manifest is too big");
    Bytes bytes(static_cast<std::size_t>(entry.size));
    if (!in_.read_all(bytes)) return damaged("it ends early");
    const std::string_view text = as_text(bytes);
    if (!text.starts_with(manifest_words)) return damaged("its manifest is of another kind");
    std::size_t listed = 0;
    for (std::size_t at = 0, line = 0; at < text.size(); ++line) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto whole = std::string(text.substr(at, end - at)) + "\n";
      at = end + 1;
      if (whole.starts_with("arrival ")) report.arrival = std::strtoull(whole.c_str() + 8, nullptr, 10);
      if (line < 4) continue;
      const auto name = whole.substr(whole.rfind(' ') + 1, whole.size() - whole.rfind(' ') - 2);
      const auto found = seen_.find(name);
      if (found == seen_.end()) return damaged(name + " is missing");
      if (found->second != whole) return damaged(name + " does not carry its checksum");
      ++listed;
    }
    if (listed != seen_.size()) return damaged("it holds files its manifest does not name");
    return {};
  }

  const Handle& in_;
  std::string path_;
  std::string folder_;
  std::map<std::string, std::string> seen_;  // name to the line the manifest must have
};

StoreResult<void> restore_into(const std::string& path, const std::string& folder, UtcTime now, RestoreReport& report) {
  const Handle in(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (in.fd() < 0) return io_failure("open", path);
  if (auto done = Extraction(in, path, folder).run(report); !done) return done;
  auto disk = PosixDisk::open(folder, PosixDisk::Missing::Refuse);
  if (!disk) return failure(from_disk(disk.error()));
  const auto meta = read_meta(**disk);
  if (!meta) return failure(meta.error());
  report.meta = *meta;
  if (auto done = write_file_atomically(**disk, doubt_name, as_bytes(doubt_restored)); !done)
    return failure(from_disk(done.error()));
  auto log = Log::open(**disk, meta->incident, {}, now);
  if (!log) return failure(log.error());
  report.entries = log->entries();
  report.damaged = log->damaged();
  if (log->durable_arrival() < report.arrival && report.damaged.empty()) {
    return store_failure(StoreFault::Damaged, fmt::format("the backup {} says it holds {} records, but {} are in it",
                                                          path, report.arrival, log->durable_arrival()));
  }
  return {};
}

}  // namespace

StoreResult<RestoreReport> restore(const std::string& path, const std::string& directory, UtcTime now) {
  std::error_code problem;
  if (std::filesystem::exists(directory, problem) && !std::filesystem::is_empty(directory, problem)) {
    return store_failure(StoreFault::DiskError, directory + " is not empty: restore into a new directory");
  }
  const auto staging = directory + ".restoring";
  std::filesystem::remove_all(staging, problem);  // of an earlier try that was cut short
  if (::mkdir(staging.c_str(), 0700) != 0) return io_failure("make", staging);
  RestoreReport report;
  auto done = restore_into(path, staging, now, report);
  if (done && !sync_folder(staging)) done = io_failure("sync", staging);
  // An empty directory in the way is replaced by the rename.
  if (done && ::rename(staging.c_str(), directory.c_str()) != 0) done = io_failure("rename", staging);
  if (!done) {
    std::filesystem::remove_all(staging, problem);
    return failure(done.error());
  }
  (void)sync_folder(parent_of(directory));
  return report;
}

}  // namespace airbridge::store
