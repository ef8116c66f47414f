// What the exchange between nodes costs: ./dev bench sync, every bar of it.
//
//   sync_bench [--short] [--more] [--only sizes|radio|wide|apart|newcomer|portable]
//
// Rows: name value unit goal ratio verdict; a ratio of 1 or less is ok. --more prints figures without a goal too, over
// three times the seeds; --short takes a tenth of the events and one seed, to see that it runs. What is measured how
// stands in sync_sizes.hpp, sync_radio.hpp (both in virtual time or in bytes), sync_wide.hpp and sync_portable.hpp
// (real processes: a quiet machine gives the better figures).
#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "base/log.hpp"
#include "sync_portable.hpp"
#include "sync_radio.hpp"
#include "sync_sizes.hpp"
#include "sync_wide.hpp"
#include "trust/keys.hpp"

namespace {

bool all_good = true;

bool is_floor(const airbridge::bench::SizeRow&) { return false; }
bool is_floor(const airbridge::bench::RadioRow& row) { return row.at_least; }

void tell(const airbridge::bench::BenchRow& row) {
  all_good = all_good && row.good();
  fmt::print("{:<32} {:>9.1f} {:<7} {:>6.1f} {:>8.2f} {}\n", row.name, row.value, row.unit, row.goal, row.ratio(),
             row.good() ? "ok" : "short");
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  bool more = false, brief = false;
  std::string only;
  for (int i = 1; i < argc; ++i) {
    more = more || std::strcmp(argv[i], "--more") == 0;
    brief = brief || std::strcmp(argv[i], "--short") == 0;
    if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc) only = argv[++i];
  }
  airbridge::trust::start();
  airbridge::log::configure(airbridge::log::Level::Error, airbridge::log::Format::Text);
  const auto wanted = [&](const char* part) { return only.empty() || only == part; };
  const auto tell_all = [&](const auto& rows) {
    for (const auto& row : rows) {
      if (row.goal != 0) {
        tell({row.name, row.value, row.unit, row.goal, is_floor(row)});
      } else if (more) {
        fmt::print("{:<32} {:>9.1f} {:<7} {:>6.1f} {:>8.2f} ok\n", row.name, row.value, row.unit, 0.0, 1.0);
      }
    }
    std::fflush(stdout);
  };
  const std::uint64_t part = brief ? 10 : 1;
  if (wanted("sizes")) tell_all(airbridge::bench::sync_sizes());
  const int seeds = brief ? 1 : more ? 24 : 8;
  if (wanted("radio")) tell_all(airbridge::bench::sync_radio(seeds));
  if (wanted("radio")) tell_all(airbridge::bench::sync_lossy(seeds));
  if (wanted("wide")) airbridge::bench::wide_link(200'000 / part, tell);
  if (wanted("apart")) airbridge::bench::apart(100'000 / part, tell);
  if (wanted("newcomer")) airbridge::bench::newcomer(1'000'000 / part, tell);
  if (wanted("portable")) airbridge::bench::portable(100'000 / part, brief ? 10 : 60, tell);
  return all_good ? 0 : 1;
}
