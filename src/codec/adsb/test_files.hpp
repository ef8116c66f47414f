#pragma once
// Test data of this folder's tests, read from test/data.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace airbridge::codec::adsb {

inline std::string read_test_file(const std::string& name) {
  std::ifstream in(std::string(AIRBRIDGE_TEST_DATA) + "/" + name, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::vector<std::string> read_test_lines(const std::string& name) {
  std::vector<std::string> lines;
  std::istringstream in(read_test_file(name));
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace airbridge::codec::adsb
