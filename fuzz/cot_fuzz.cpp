// CoT: the framer, the scan, the parser and the byte-exact rewriting, on one input read as a stream in pieces.
#include <algorithm>
#include <cstdlib>
#include <pugixml.hpp>
#include <string>

#include "codec/cot/event.hpp"
#include "codec/cot/framer.hpp"
#include "codec/cot/rewrite.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;

namespace {

void require(bool true_always) {
  if (!true_always) std::abort();
}

// A type as the most lenient reader may take it, written anew here: letters and digits in lower case, single dashes.
std::string plain(std::string_view type) {
  std::string out;
  for (const char c : type.substr(0, type.find(';'))) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += is_upper ? static_cast<char>(c + 32) : c;
    if (c == '-' && !out.empty() && out.back() != '-') out += c;
  }
  return out + '-';
}

void require_carried(std::string_view type) {
  const auto text = plain(type);
  for (const std::string_view begin : {"t-k-", "b-m-p-s-p-i-"}) require(!text.starts_with(begin));
  if (!text.starts_with("a-")) return;
  const auto end = text.find('-', 2);
  if (end == text.npos || end == 2) return;
  for (const char declined : {'h', 's', 'j', 'k'}) require(text.find_first_not_of(declined, 2) != end);
}

// Of an event that goes on to others: no type in it may be read as one that is declined.
void require_all_carried(const pugi::xml_node& element) {
  require_carried(element.attribute("type").value());
  for (const auto& child : element.children()) require_all_carried(child);
}

// What scan() took, pugixml must take too and read alike.
void hold_against_pugixml(ByteView xml, const Envelope& envelope) {
  pugi::xml_document tree;
  const auto options = pugi::parse_cdata | pugi::parse_escapes;
  require(static_cast<bool>(tree.load_buffer(xml.data(), xml.size(), options, pugi::encoding_utf8)));
  const auto outer = tree.child("event");
  require(envelope.uid.str() == outer.attribute("uid").value());
  require(envelope.type.str() == outer.attribute("type").value());
  require(envelope.how.str() == outer.attribute("how").value());
  require(static_cast<bool>(outer.child("detail")) == envelope.has_detail);
  if (!envelope.not_carried) require_all_carried(outer);
}

void try_event(ByteView xml) {
  const auto envelope = scan(xml);
  const auto event = parse(xml);
  if (!envelope) {
    require(!event);
    return;
  }
  hold_against_pugixml(xml, *envelope);
  require(!event || event->uid == envelope->uid.str());
  if (event && envelope->type.raw.find('&') == envelope->type.raw.npos &&
      envelope->how.raw.find('&') == envelope->how.raw.npos) {
    require(is_position_report(*event) == is_position_report(*envelope));
  }
  const auto scrubbed = scrub(xml, *envelope);
  require(scrubbed.size() <= xml.size());
  const auto again = scan(scrubbed);
  require(again && again->marti_count == 0 && !again->has_military_medevac);
  require(again->not_carried == envelope->not_carried || envelope->not_carried);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  try_event(input);
  const std::size_t piece = size == 0 ? 1 : 1 + data[size - 1] * 17U;
  Framer framer;
  for (std::size_t at = 0; at < size; at += piece) {
    ByteView rest = input.subspan(at, std::min(piece, size - at));
    while (const auto cut = framer.next(rest)) {
      if (const auto* frame = std::get_if<Frame>(&*cut)) {
        require(frame->xml.size() <= event_bytes_max);
        try_event(frame->xml);
      }
    }
    require(framer.held_bytes() <= event_bytes_max + 16 * 1024);
  }
  return 0;
}
