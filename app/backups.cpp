#include "backups.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/log.hpp"

namespace airbridge::app {
namespace fs = std::filesystem;
using State = api::BackupInfo::State;
namespace {

constexpr std::string_view suffix = ".tar", partial_suffix = ".tar.partial";

// Only what the node names itself, "2026-03-14T09-30-00.000Z.tar": anything else in the folder is a person's.
bool is_stamp(std::string_view name) {
  constexpr std::string_view shape = "0000-00-00T00-00-00.000Z";
  return std::equal(name.begin(), name.end(), shape.begin(), shape.end(),
                    [](char c, char like) { return like == '0' ? c >= '0' && c <= '9' : c == like; });
}

// Leaves `kept` finished backups, the newest, and none that a killed node left half-written.
void remove_oldest(const fs::path& folder, std::size_t kept) {
  std::vector<fs::path> files;
  std::error_code error;
  for (auto at = fs::directory_iterator(folder, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    const auto name = at->path().filename().string();
    std::error_code gone;
    if (name.ends_with(partial_suffix) &&
        is_stamp(std::string_view(name).substr(0, name.size() - partial_suffix.size())))
      fs::remove(at->path(), gone);
    if (name.ends_with(suffix) && is_stamp(std::string_view(name).substr(0, name.size() - suffix.size())))
      files.push_back(at->path());
  }
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i + kept < files.size(); ++i) {
    std::error_code gone;
    fs::remove(files[i], gone);
    log::info("backup", "removed the oldest backup in the folder", {{"file", files[i].filename().string()}});
  }
}

}  // namespace

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
  remove_oldest(folder_, backups_kept_max - 1);
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
