// What the exchange between nodes costs: ./dev bench sync.
//
//   sync_bench [--short] [--more]
//
// Rows: name value unit goal ratio verdict; ratio is value / goal, so 1 or less is ok. --more prints figures without a
// goal too, over three times the seeds. What is measured how stands in sync_sizes.hpp and sync_radio.hpp.
#include <fmt/format.h>

#include <cstdio>
#include <cstring>

#include "sync_radio.hpp"
#include "sync_sizes.hpp"

int main(int argc, char** argv) {
  bool more = false, brief = false;
  for (int i = 1; i < argc; ++i) {
    more = more || std::strcmp(argv[i], "--more") == 0;
    brief = brief || std::strcmp(argv[i], "--short") == 0;
  }
  bool ok = true;
  const auto tell = [&](const auto& rows) {
    for (const auto& row : rows) {
      if (row.goal == 0 && !more) continue;
      const bool good = row.goal == 0 || row.value <= row.goal;
      ok = ok && good;
      fmt::print("{:<32} {:>9.1f} {:<7} {:>6.1f} {:>8.2f} {}\n", row.name, row.value, row.unit, row.goal,
                 row.goal == 0 ? 1.0 : row.value / row.goal, good ? "ok" : "short");
    }
    std::fflush(stdout);
  };
  tell(airbridge::bench::sync_sizes());
  const int seeds = brief ? 1 : more ? 24 : 8;
  tell(airbridge::bench::sync_radio(seeds));
  tell(airbridge::bench::sync_lossy(seeds));
  return ok ? 0 : 1;
}
