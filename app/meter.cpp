#include "meter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "home.hpp"

namespace airbridge::app {
namespace {
constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
constexpr std::uint64_t block_max = 64 * 1024;

std::int64_t day_of(UtcTime now) { return ms_of(now) / day_ms; }
}  // namespace

Meter::Meter(std::filesystem::path file, std::uint64_t budget_bytes, UtcTime now)
    : file_(std::move(file)), budget_(budget_bytes), block_(std::min(block_max, budget_bytes / 100 + 1)) {
  day_ = day_of(now);
  std::ifstream in(file_);
  if (!in) return;  // nothing was spent yet
  std::string word;
  std::int64_t day = 0;
  std::uint64_t bytes = 0;
  if (!(in >> word >> day >> bytes) || word != "spent") {
    problem_ = fmt::format(
        "{} cannot be read: what was spent today is not known, so only urgent events go until "
        "tomorrow; delete it to count anew",
        file_.string());
    used_ = reserved_ = UINT64_MAX;
    return;
  }
  if (day != day_) return;
  used_ = reserved_ = bytes;
}

void Meter::begin_day(UtcTime now) {
  // A clock that is set back does not give the budget anew.
  if (day_of(now) <= day_) return;
  day_ = day_of(now);
  used_ = reserved_ = 0;
  problem_.clear();
}

void Meter::add(std::uint64_t bytes, UtcTime now) {
  begin_day(now);
  used_ = used_ > UINT64_MAX - bytes ? UINT64_MAX : used_ + bytes;
  if (used_ <= reserved_) return;
  reserved_ = used_ > UINT64_MAX - block_ ? UINT64_MAX : used_ + block_;
  save();
}

std::uint64_t Meter::left(UtcTime now) {
  begin_day(now);
  return budget_ > used_ ? budget_ - used_ : 0;
}

void Meter::save() {
  const auto written = write_file(file_, fmt::format("spent {} {}\n", day_, reserved_), 0644);
  if (!written) problem_ = fmt::format("what a metered bearer spends is not kept: {}", written.error().text);
}

Result<std::uint64_t, std::string> parse_budget(std::string_view text) {
  constexpr std::string_view form = "a budget is written like 20MB/day or 500kB/day";
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{}) return failure(fmt::format("\"{}\": {}", text, form));
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::uint64_t times = 0;
  if (unit == "B/day") times = 1;
  if (unit == "kB/day") times = 1'000;
  if (unit == "MB/day") times = 1'000'000;
  if (unit == "GB/day") times = 1'000'000'000;
  if (times == 0 || number > UINT64_MAX / times) return failure(fmt::format("\"{}\": {}", text, form));
  return number * times;
}

}  // namespace airbridge::app
