#include "codec/cot/rewrite.hpp"

#include <vector>

#include "codec/cot/xml_scan.hpp"

namespace airbridge::codec::cot {
namespace {

struct Cutter {
  bool marti = false;
  bool military = false;
  std::vector<Extent> cuts;  // in order, apart
  bool in_detail = false;
  bool in_marti = false;

  bool open(const Tag& tag) {
    if (tag.depth == 1) in_detail = tag.name == "detail";
    if (tag.depth != 2 || !in_detail) return true;
    if (marti && tag.name == "marti") {
      in_marti = true;
      cuts.push_back({tag.begin, tag.end});
    }
    if (military && tag.name == "_medevac_") {
      for (std::size_t i = 0; i < tag.attribute_count; ++i) {
        const auto& attribute = tag.attributes[i];
        if (is_military_medevac(attribute.name)) cuts.push_back({attribute.begin, attribute.end});
      }
    }
    return true;
  }
  bool close(std::size_t depth, std::size_t, std::size_t end) {
    if (depth == 2 && in_marti) {
      in_marti = false;
      cuts.back().end = end;
    }
    return true;
  }
  static bool text(std::size_t, std::size_t, std::size_t) { return true; }
};

Bytes cut_out(ByteView xml, Cutter cutter) {
  Scanner<Cutter> scanner(as_text(xml), cutter);
  if (scanner.run()) return to_bytes(xml);
  Bytes out;
  out.reserve(xml.size());
  std::size_t from = 0;
  const auto keep = [&](std::size_t begin, std::size_t end) {
    out.insert(out.end(), xml.begin() + begin, xml.begin() + end);
  };
  for (const auto& cut : cutter.cuts) {
    keep(from, cut.begin);
    from = cut.end;
  }
  keep(from, xml.size());
  return out;
}

// Where the outer element says its times.
struct TimeFinder {
  struct Found {
    Extent extent;
    std::string_view name;
  };
  std::vector<Found> found;  // in order, apart
  bool open(const Tag& tag) {
    if (tag.depth != 0) return true;
    for (std::size_t i = 0; i < tag.attribute_count; ++i) {
      const auto& attribute = tag.attributes[i];
      if (attribute.name == "time" || attribute.name == "start" || attribute.name == "stale")
        found.push_back({{attribute.begin, attribute.end}, attribute.name});
    }
    return true;
  }
  static bool close(std::size_t, std::size_t, std::size_t) { return true; }
  static bool text(std::size_t, std::size_t, std::size_t) { return true; }
};

}  // namespace

Bytes restamp(ByteView xml, UtcTime time, UtcTime stale) {
  TimeFinder finder;
  Scanner<TimeFinder> scanner(as_text(xml), finder);
  if (scanner.run()) return to_bytes(xml);
  std::string out;
  std::size_t from = 0;
  for (const auto& [extent, name] : finder.found) {
    out += as_text(xml).substr(from, extent.begin - from);
    out += ' ';
    out += name;
    out += "=\"" + format_utc(name == "stale" ? stale : time) + '"';
    from = extent.end;
  }
  out += as_text(xml).substr(from);
  return to_bytes(as_bytes(out));
}

Bytes scrub(ByteView xml, const Envelope& envelope) {
  if (envelope.marti_count == 0 && !envelope.has_military_medevac) return to_bytes(xml);
  return cut_out(xml, {.marti = true, .military = true, .cuts = {}});
}
Bytes strip_marti(ByteView xml) { return cut_out(xml, {.marti = true, .cuts = {}}); }
Bytes strip_military_medevac(ByteView xml) { return cut_out(xml, {.military = true, .cuts = {}}); }

}  // namespace airbridge::codec::cot
