#pragma once
// Who said something, when, and which way it came in. One stamp is shared by all that one event wrote.
#include <memory>
#include <tuple>

#include "model/event.hpp"

namespace airbridge::picture {

struct Stamp {
  model::Dot dot;  // the event; dot.writer.author is the node
  model::Hlc time;
  model::ClockQuality quality = model::ClockQuality::None;
  std::optional<model::KeyId> actor;  // the person; none: the node itself
  model::Via via = model::Via::Node;
  std::string source;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};
using StampPtr = std::shared_ptr<const Stamp>;

// The order that breaks ties where policy allows it (DESIGN 3): clock quality, HLC, author key, then the dot, so that
// no two events are equal. From event bytes alone; a receiver's clock has no part in it.
inline bool ranks_below(const Stamp& a, const Stamp& b) {
  return std::tie(a.quality, a.time, a.dot.writer.author, a.dot) <
         std::tie(b.quality, b.time, b.dot.writer.author, b.dot);
}

// The order of appended values, and of "first" and "last" said about a thing.
inline bool is_earlier(const Stamp& a, const Stamp& b) { return std::tie(a.time, a.dot) < std::tie(b.time, b.dot); }

}  // namespace airbridge::picture
