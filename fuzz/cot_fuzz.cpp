// CoT: the framer, the scan, the parser and the byte-exact rewriting, on one input read as a stream in pieces.
#include <algorithm>
#include <cstdlib>
#include <pugixml.hpp>

#include "codec/cot/event.hpp"
#include "codec/cot/framer.hpp"
#include "codec/cot/rewrite.hpp"

using namespace airbridge;
using namespace airbridge::codec::cot;

namespace {

void require(bool true_always) {
  if (!true_always) std::abort();
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
