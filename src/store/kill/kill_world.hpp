#pragma once
// What the killed process and its parent agree on: who writes, and what event n holds.
#include "store/log.hpp"
#include "trust/keys.hpp"

namespace airbridge::store {

inline model::IncidentId kill_incident() {
  model::IncidentId id;
  id.value.fill(0x4B);
  return id;
}
inline trust::SigningKey kill_key() {
  trust::SigningKey::Seed seed;
  seed.value.fill(0x4C);
  return trust::SigningKey::from_seed(seed);
}
inline model::StreamId kill_stream() {
  static const auto id = kill_key().id();
  return {{id, 1}, model::Class::Important, {}};
}
inline model::Entry kill_entry(std::uint64_t seq) {
  model::Entry entry;
  entry.stream = kill_stream();
  entry.seq = seq;
  const auto text = "event " + std::to_string(seq) + " ";
  entry.public_part.assign(text.begin(), text.end());
  entry.public_part.resize(text.size() + seq % 700, static_cast<std::uint8_t>(seq));
  return entry;
}
inline LogOptions kill_options() {
  LogOptions options;
  options.segment_bytes = 1024 * 1024;  // so that kills fall into the change of segments too
  return options;
}

}  // namespace airbridge::store
