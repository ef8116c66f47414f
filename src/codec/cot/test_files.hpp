#pragma once
// For this folder's tests: the sample files, and an event to change.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace airbridge::codec::cot::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline std::filesystem::path data(std::string_view name) { return std::filesystem::path(AIRBRIDGE_TEST_DATA) / name; }
inline std::vector<std::filesystem::path> files_of(std::string_view folder, std::string_view extension) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(data(folder))) {
    if (entry.path().extension() == extension) out.push_back(entry.path());
  }
  return out;
}

struct Wanted {
  std::string uid = "U-1", type = "a-f-G-U-C", detail = "<contact callsign=\"ONE\"/>";
  std::string point = "lat=\"46.5\" lon=\"7.9\" hae=\"812.4\" ce=\"9.5\" le=\"9999999.0\"";
  std::string times =
      "time=\"2026-03-14T09:30:00.000Z\" start=\"2026-03-14T09:30:00.000Z\" stale=\"2026-03-14T09:34:15.000Z\"";
};
inline std::string event(const Wanted& wanted = {}) {
  return "<event version=\"2.0\" uid=\"" + wanted.uid + "\" type=\"" + wanted.type + "\" " + wanted.times +
         " how=\"m-g\"><point " + wanted.point + "/><detail>" + wanted.detail + "</detail></event>";
}

}  // namespace airbridge::codec::cot::test
