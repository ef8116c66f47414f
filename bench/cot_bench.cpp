// Events a second on one core: the framer with the scan that routing needs, and with the full read that the node gets.
#include <cstdio>
#include <ctime>
#include <string>

#include "codec/cot/event.hpp"
#include "codec/cot/framer.hpp"

namespace {
using namespace airbridge;
using namespace airbridge::codec::cot;

constexpr std::string_view one =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<event version=\"2.0\" "
    "uid=\"ANDROID-5f1c8a2b9c3d4e5f\" "
    "type=\"a-f-G-U-C\" time=\"2026-03-14T09:30:00.000Z\" start=\"2026-03-14T09:30:00.000Z\" "
    "stale=\"2026-03-14T09:34:15.000Z\" "
    "how=\"m-g\"><point lat=\"46.54321\" lon=\"7.96543\" hae=\"812.4\" ce=\"9.5\" le=\"9999999.0\"/><detail><takv "
    "device=\"TEST PHONE\" "
    "platform=\"ATAK-CIV\" os=\"33\" version=\"5.2.0\"/><contact callsign=\"RESCUE 3\" endpoint=\"*:-1:stcp\" "
    "phone=\"0000\"/><uid "
    "Droid=\"RESCUE 3\"/><precisionlocation altsrc=\"GPS\" geopointsrc=\"GPS\"/><__group role=\"Medic\" "
    "name=\"Green\"/><status "
    "battery=\"71\"/><track course=\"183.2\" speed=\"1.4\"/></detail></event>";

template <class Read>
double events_per_second(const std::string& stream, int rounds, Read read) {
  std::size_t good = 0;
  const auto start = std::clock();  // processor time: other programs on the machine do not count
  for (int i = 0; i < rounds; ++i) {
    Framer framer;
    ByteView rest = as_bytes(stream);
    while (const auto cut = framer.next(rest)) {
      if (const auto* frame = std::get_if<Frame>(&*cut)) good += read(frame->xml) ? 1 : 0;
    }
  }
  const auto took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  return static_cast<double>(good) / took;
}

}  // namespace

int main(int count, char** words) {
  const int rounds = count > 1 && std::string(words[1]) == "--short" ? 200 : 2'000;
  std::string stream;
  for (int i = 0; i < 100; ++i) stream += one;
  const auto scanned = events_per_second(stream, rounds, [](ByteView xml) { return scan(xml).has_value(); });
  const auto parsed = events_per_second(stream, rounds, [](ByteView xml) { return parse(xml).has_value(); });
  std::printf("%-32s %10.0f %-8s %14s %8.3f %s\n", "cot_scan", scanned, "events/s", ">=1000000", scanned / 1e6,
              scanned >= 1e6 ? "ok" : "short");
  std::printf("%-32s %10.0f %-8s %14s %8.3f %s\n", "cot_parse", parsed, "events/s", ">=200000", parsed / 2e5,
              parsed >= 2e5 ? "ok" : "short");
}
