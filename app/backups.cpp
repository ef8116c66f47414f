#include "backups.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"

namespace airbridge::app {
namespace fs = std::filesystem;
using State = api::BackupInfo::State;

Backups::Backups(fs::path folder, fs::path store_dir, Make make)
    : folder_(std::move(folder)), store_dir_(std::move(store_dir)), make_(std::move(make)) {}

Backups::~Backups() {
  if (thread_.joinable()) thread_.join();
}

Result<api::BackupInfo, api::CommandError> Backups::begin(bool with_keys, UtcTime now) {
  {
    const std::scoped_lock lock(mutex_);
    if (!list_.empty() && list_.back().state == State::Running)
      return failure(api::CommandError{409, "busy", "another backup is being made", "", "wait until it is done"});
  }
  // Only the thread that asks begins one, so nobody else comes between.
  if (thread_.joinable()) thread_.join();
  std::error_code error;
  fs::create_directories(folder_, error);
  fs::permissions(folder_, fs::perms::owner_all, error);
  auto stamp = format_utc(now);
  std::replace(stamp.begin(), stamp.end(), ':', '-');
  api::BackupInfo begun;
  begun.file = (folder_ / fmt::format("{}.tar", stamp)).string();
  for (auto at = fs::directory_iterator(store_dir_, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    std::error_code gone;
    const auto bytes = at->path().extension() == ".seg" ? at->file_size(gone) : 0;
    if (!gone) begun.bytes_about += bytes;
  }
  {
    const std::scoped_lock lock(mutex_);
    begun.id = list_.empty() ? 1 : list_.back().id + 1;
    list_.push_back(begun);
    if (list_.size() > backups_listed_max) list_.pop_front();
  }
  thread_ = std::thread([this, with_keys, file = begun.file] {
    const auto why = make_(file, with_keys);
    if (!why.empty()) log::error("backup", "no backup was made", {{"why", why}});
    const std::scoped_lock lock(mutex_);
    list_.back().state = why.empty() ? State::Done : State::Failed;
    list_.back().why = why;
  });
  begun.file.clear();
  return begun;
}

std::optional<api::BackupInfo> Backups::find(std::uint64_t id) const {
  const std::scoped_lock lock(mutex_);
  const auto found = std::find_if(list_.begin(), list_.end(), [id](const auto& one) { return one.id == id; });
  if (found == list_.end()) return std::nullopt;
  auto out = *found;
  std::error_code error;
  const auto bytes = fs::file_size(out.state == State::Done ? out.file : out.file + ".partial", error);
  if (!error) out.bytes = bytes;
  if (out.state != State::Done) out.file.clear();
  return out;
}

}  // namespace airbridge::app
