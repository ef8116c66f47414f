#pragma once
// Removes parts of an event and leaves every other byte where it was: cut out of the bytes, never written anew, so that
// details we do not know keep their order, spelling and white space.
#include "codec/cot/envelope.hpp"

namespace airbridge::codec::cot {

// Without <marti> (who it was addressed to) and without the military attributes of _medevac_: what is delivered and
// kept. `envelope` is the scan of these bytes; nothing else is needed when it has neither, and the answer equals the
// input.
Bytes scrub(ByteView xml, const Envelope& envelope);

// The two halves, for events that were not scanned; input that is not well-formed comes back unchanged.
Bytes strip_marti(ByteView xml);
Bytes strip_military_medevac(ByteView xml);

// The same event, said at `time` and good until `stale`: for an object that still stands when its own time has run out.
// Only the three times change; input that is not well-formed comes back unchanged.
Bytes restamp(ByteView xml, UtcTime time, UtcTime stale);

}  // namespace airbridge::codec::cot
