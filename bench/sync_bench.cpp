// What the exchange between nodes costs: ./dev bench sync.
//
//   sync_bench [--short] [--more]
//
// Rows: name value unit goal ratio verdict; ratio is value / goal, so 1 or less is ok. --more prints figures without a
// goal too. What is measured how stands in sync_sizes.hpp.
#include <fmt/format.h>

#include <cstring>

#include "sync_sizes.hpp"

int main(int argc, char** argv) {
  bool more = false;
  for (int i = 1; i < argc; ++i) more = more || std::strcmp(argv[i], "--more") == 0;
  bool ok = true;
  for (const auto& row : airbridge::bench::sync_sizes()) {
    if (row.goal == 0 && !more) continue;
    const bool good = row.goal == 0 || row.value <= row.goal;
    ok = ok && good;
    fmt::print("{:<32} {:>9.1f} {:<7} {:>6.1f} {:>8.2f} {}\n", row.name, row.value, row.unit, row.goal,
               row.goal == 0 ? 1.0 : row.value / row.goal, good ? "ok" : "short");
  }
  return ok ? 0 : 1;
}
