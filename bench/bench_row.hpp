#pragma once
// One figure of a benchmark, as `./dev bench` prints it.
#include <string>

namespace airbridge::bench {

struct BenchRow {
  std::string name;
  double value = 0;
  std::string unit;
  double goal = 0;
  bool at_least = false;  // the goal is a floor, else a ceiling
  bool good() const { return at_least ? value >= goal : value <= goal; }
  double ratio() const { return at_least ? goal / value : value / goal; }  // 1 or less is good
};
using TellRow = void (*)(const BenchRow& row);

}  // namespace airbridge::bench
