#pragma once
// Backups of the running node, made on a thread of their own: a large log takes minutes, and nobody shall wait for it.
// The callers ask how far one is. Any thread.
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "api/backend.hpp"

namespace airbridge::app {

inline constexpr std::size_t backups_listed_max = 16;  // older ones are forgotten
// Files left in the folder, with the one being made: the oldest of the node's own goes when another begins, so that a
// page that asks again and again cannot fill the disk. Copy one elsewhere to keep it.
inline constexpr std::size_t backups_kept_max = 8;

class Backups {
 public:
  // Makes the new file by way of FILE.partial; what went wrong in words, empty when done. On the thread of the backup.
  using Make = std::function<std::string(const std::string& file, bool with_keys)>;
  // `store_dir` tells how large one will be about.
  Backups(std::filesystem::path folder, std::filesystem::path store_dir, Make make);
  ~Backups();  // waits for the one that is being made

  // Refused with 409 while another one is being made.
  Result<api::BackupInfo, api::CommandError> begin(bool with_keys, UtcTime now);
  std::optional<api::BackupInfo> find(std::uint64_t id) const;

 private:
  const std::filesystem::path folder_, store_dir_;
  const Make make_;
  mutable std::mutex mutex_;
  std::deque<api::BackupInfo> list_;  // the newest last; of a running one, `file` is where it will be
  std::thread thread_;
};

}  // namespace airbridge::app
