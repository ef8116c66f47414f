#pragma once
// Bytes spent on a metered bearer against its budget a day (UTC), counted durably: after a crash never less than was
// spent. One thread.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"

namespace airbridge::app {

class Meter {
 public:
  // The file is made where there is none. A file that cannot be read counts as a budget that is spent until the next
  // day: `problem()` says so.
  Meter(std::filesystem::path file, std::uint64_t budget_bytes, UtcTime now);

  void add(std::uint64_t bytes, UtcTime now);
  std::uint64_t budget() const { return budget_; }
  std::uint64_t left(UtcTime now);  // of today
  const std::string& problem() const { return problem_; }

 private:
  void begin_day(UtcTime now);
  void save();
  std::filesystem::path file_;
  std::uint64_t budget_ = 0;
  std::uint64_t block_ = 0;  // the file is ahead of what is spent by up to so much
  std::int64_t day_ = 0;     // since 1970
  std::uint64_t used_ = 0;
  std::uint64_t reserved_ = 0;  // as the file says
  std::string problem_;
};

// "20MB/day", "500kB/day": decimal prefixes. What is wrong, in words.
Result<std::uint64_t, std::string> parse_budget(std::string_view text);

}  // namespace airbridge::app
