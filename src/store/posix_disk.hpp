#pragma once
// Disk on a real directory.
#include "store/disk.hpp"

namespace airbridge::store {

class PosixDisk final : public Disk {
 public:
  enum class Missing { Create, Refuse };
  // Opens the directory and locks it (flock on the file LOCK), so that no second process writes one store: then Busy,
  // with the process id that holds it when known. The lock ends with this object or the process, however that ends.
  static DiskResult<std::unique_ptr<PosixDisk>> open(const std::string& directory, Missing missing = Missing::Create);
  ~PosixDisk() override;
  PosixDisk(const PosixDisk&) = delete;
  PosixDisk& operator=(const PosixDisk&) = delete;

  DiskResult<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  DiskResult<void> rename(std::string_view from, std::string_view to) override;
  DiskResult<void> remove(std::string_view name) override;
  DiskResult<std::vector<std::string>> list() const override;
  DiskResult<void> sync_directory() override;
  DiskResult<std::uint64_t> free_bytes() const override;
  std::string where() const override { return directory_; }

 private:
  PosixDisk(std::string directory, int directory_fd, int lock_fd)
      : directory_(std::move(directory)), directory_fd_(directory_fd), lock_fd_(lock_fd) {}
  std::string directory_;
  int directory_fd_;
  int lock_fd_;
};

}  // namespace airbridge::store
