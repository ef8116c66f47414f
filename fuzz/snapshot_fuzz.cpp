// Snapshots of the picture: whatever the bytes, loading refuses or gives a fold that saves and loads to the same state.
#include <algorithm>
#include <cstdlib>

#include "picture/fold.hpp"

using namespace airbridge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  // The incident stands behind the heading; taking it from there lets the rest be reached.
  constexpr std::size_t incident_at = 23;
  model::IncidentId incident;
  if (size >= incident_at + incident.value.size()) {
    std::copy_n(bytes.begin() + incident_at, incident.value.size(), incident.value.begin());
  }
  auto fold = picture::Fold::load(bytes, incident, {});
  if (!fold) return 0;
  auto again = picture::Fold::load(fold->save(), incident, {});
  if (!again || again->state_hash() != fold->state_hash()) std::abort();
  return 0;
}
