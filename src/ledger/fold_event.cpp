#include "ledger/fold_event.hpp"

namespace airbridge::ledger {

picture::FoldEvent to_fold_event(const model::Entry& entry, std::uint64_t arrival, UtcTime arrived,
                                 const model::IncidentId& incident, const std::vector<trust::DataKey>& keys) {
  picture::FoldEvent out;
  out.dot = entry.dot();
  out.branch = entry.stream.branch;
  out.bytes = entry.size();
  out.arrival = arrival;
  out.arrived = arrived;
  if (auto event = model::decode_event(entry.public_part, out.dot))
    out.event = std::make_shared<const model::Event>(std::move(*event));
  if (entry.private_part.state == model::PrivatePart::State::Here) {
    auto writes = trust::open_private(entry.private_part.ciphertext, out.dot, incident, keys);
    out.private_state = writes ? picture::PrivateState::Here : picture::PrivateState::Lacking;
    if (writes) out.private_writes = std::move(*writes);
  } else if (entry.private_part.state == model::PrivatePart::State::Withheld) {
    out.private_state = picture::PrivateState::Lacking;
  }
  return out;
}

}  // namespace airbridge::ledger
