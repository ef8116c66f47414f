#include "store/posix_disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace airbridge::store {
namespace {

constexpr const char* lock_name = "LOCK";
constexpr mode_t file_mode = 0600;
constexpr mode_t directory_mode = 0700;

DiskFault fault_of(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return DiskFault::Full;
    case EROFS:
    case EACCES:
    case EPERM:
      return DiskFault::ReadOnly;
    case ENOENT:
      return DiskFault::NotFound;
    default:
      return DiskFault::Io;
  }
}

// Call directly after the failing system call: it reads errno.
auto system_failure(std::string_view doing, std::string_view name) {
  const int code = errno;
  return failure(DiskError{fault_of(code), fmt::format("cannot {} {}: {}", doing, name, std::strerror(code))});
}

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  DiskResult<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const override {
    std::size_t done = 0;
    while (done < out.size()) {
      const auto got = ::pread(fd_, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return system_failure("read", name_);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }
  DiskResult<void> write_at(std::uint64_t offset, ByteView bytes) override {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const auto put = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return system_failure("write", name_);
      done += static_cast<std::size_t>(put);
    }
    return {};
  }
  DiskResult<std::uint64_t> size() const override {
    struct stat info{};
    if (::fstat(fd_, &info) != 0) return system_failure("look at", name_);
    return static_cast<std::uint64_t>(info.st_size);
  }
  DiskResult<void> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return system_failure("truncate", name_);
    return {};
  }
  DiskResult<void> allocate(std::uint64_t size) override {
    const auto have = this->size();
    if (!have) return failure(have.error());
    if (*have >= size) return {};
    if (::fallocate(fd_, 0, static_cast<off_t>(*have), static_cast<off_t>(size - *have)) == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR) return truncate(size);
    return system_failure("reserve room for", name_);
  }
  DiskResult<void> fdatasync() override {
    if (::fdatasync(fd_) != 0) return system_failure("sync", name_);
    return {};
  }

 private:
  int fd_;
  std::string name_;
};

}  // namespace

DiskResult<std::unique_ptr<PosixDisk>> PosixDisk::open(const std::string& directory, Missing missing) {
  if (missing == Missing::Create && ::mkdir(directory.c_str(), directory_mode) != 0 && errno != EEXIST) {
    return system_failure("make the directory", directory);
  }
  const int directory_fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_fd < 0) return system_failure("open the directory", directory);
  const int lock_fd = ::openat(directory_fd, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, file_mode);
  if (lock_fd < 0) {
    const auto failed = system_failure("open the lock of", directory);
    ::close(directory_fd);
    return failed;
  }
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    (void)!::pread(lock_fd, holder, sizeof holder - 1, 0);
    const int code = errno;
    ::close(lock_fd);
    ::close(directory_fd);
    const std::string who = holder[0] != 0 ? fmt::format(" (process {})", holder) : std::string();
    return failure(
        DiskError{code == EWOULDBLOCK || code == 0 ? DiskFault::Busy : fault_of(code),
                  fmt::format("the store {} is in use by another Airbridge{}; stop it first", directory, who)});
  }
  const std::string self = std::to_string(::getpid());
  (void)!::ftruncate(lock_fd, 0);
  (void)!::pwrite(lock_fd, self.data(), self.size(), 0);
  return std::unique_ptr<PosixDisk>(new PosixDisk(directory, directory_fd, lock_fd));
}

PosixDisk::~PosixDisk() {
  ::close(lock_fd_);
  ::close(directory_fd_);
}

DiskResult<std::unique_ptr<File>> PosixDisk::open(std::string_view name, OpenMode mode) {
  const std::string path(name);
  const int flags = mode == OpenMode::Read ? O_RDONLY : mode == OpenMode::Write ? O_RDWR : O_RDWR | O_CREAT;
  const int fd = ::openat(directory_fd_, path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, file_mode);
  if (fd < 0) return system_failure("open", directory_ + "/" + path);
  return std::make_unique<PosixFile>(fd, directory_ + "/" + path);
}

DiskResult<void> PosixDisk::rename(std::string_view from, std::string_view to) {
  if (::renameat(directory_fd_, std::string(from).c_str(), directory_fd_, std::string(to).c_str()) != 0) {
    return system_failure("rename", directory_ + "/" + std::string(from));
  }
  return {};
}

DiskResult<void> PosixDisk::remove(std::string_view name) {
  if (::unlinkat(directory_fd_, std::string(name).c_str(), 0) != 0) {
    return system_failure("remove", directory_ + "/" + std::string(name));
  }
  return {};
}

DiskResult<std::vector<std::string>> PosixDisk::list() const {
  const int fd = ::openat(directory_fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_failure("list", directory_);
  DIR* const dir = ::fdopendir(fd);
  if (dir == nullptr) {
    const auto failed = system_failure("list", directory_);
    ::close(fd);
    return failed;
  }
  std::vector<std::string> names;
  while (const auto* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != ".." && name != lock_name) names.emplace_back(name);
  }
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

DiskResult<void> PosixDisk::sync_directory() {
  if (::fsync(directory_fd_) != 0) return system_failure("sync the directory", directory_);
  return {};
}

DiskResult<std::uint64_t> PosixDisk::free_bytes() const {
  struct statvfs info{};
  if (::fstatvfs(directory_fd_, &info) != 0) return system_failure("ask the free room of", directory_);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace airbridge::store
