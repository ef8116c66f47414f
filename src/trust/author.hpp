#pragma once
// Makes a node's own events: stamps, classes, dots, private parts, chain and seals. Pure: time comes in, entries go
// out; the caller makes them durable before anyone hears of them.
#include <array>
#include <functional>

#include "base/time.hpp"
#include "model/entry.hpp"
#include "model/schema.hpp"
#include "trust/keys.hpp"
#include "trust/private_part.hpp"

namespace airbridge::trust {

// Where the node's own streams stand: from the log at start.
struct StreamHead {
  std::uint64_t seq = 0;
  model::Hash head;  // chain_start when seq is 0; filled in by Author
};

struct AuthoredEntry {
  model::Entry entry;
  model::Hash head;    // chain value at this entry
  StreamHead before;   // where the stream stood, for take_back()
  model::Seal seal;    // each event is sealed as it is made; the store keeps what the links' policy needs
  model::Event event;  // the public part, decoded, for the picture
  std::vector<model::Write> private_writes;
};

struct AuthorFault {
  std::vector<model::FieldFault> faults;  // why the draft is refused
};

class Author {
 public:
  using Salt = std::function<FixedBytes<16, struct SaltTag>()>;  // randomness, from the OS or a seed
  Author(SigningKey key, const model::IncidentId& incident, std::uint32_t incarnation, std::vector<DataKey> data_keys,
         Salt salt);

  const model::Writer& writer() const { return writer_; }
  const SigningKey& key() const { return key_; }
  // Goes on after what the log holds of this incarnation.
  void resume(model::Class cls, std::uint64_t seq, const model::Hash& head, model::Hlc last);
  // A stamp seen in another node's event: the next own one ranks after it, within HlcClock::lead_max.
  void observe(model::Hlc seen, UtcTime now) { clock_.observe(seen, now); }
  // Drops every head: the next events are of a new incarnation.
  void begin_incarnation(std::uint32_t incarnation);

  // One event, or two when a routine part would ride in an urgent event of more than `split_over` bytes: then the
  // urgent writes go first and the rest follows as an event of its own class about the same entity, naming the first in
  // `after`.
  static constexpr std::size_t split_over = 512;
  // More than this many class-0 events within `urgent_window` are scheduled as class 1 by peers (sync reads this rule).
  static constexpr int urgent_max = 12;
  static constexpr Milliseconds urgent_window{10 * 60 * 1000};
  Result<std::vector<AuthoredEntry>, AuthorFault> make(const model::Draft& draft, UtcTime now,
                                                       model::ClockQuality quality);

  // Forgets the entries made last, in reverse order of making, when they could not be written at all. If it is not
  // certain that nothing reached the disk, begin a new incarnation instead.
  void take_back(const std::vector<AuthoredEntry>& entries);

 private:
  AuthoredEntry make_one(model::Event event, std::vector<model::Write> private_writes, model::Class cls, bool creates);
  SigningKey key_;
  model::IncidentId incident_;
  model::Writer writer_;
  std::vector<DataKey> data_keys_;
  Salt salt_;
  model::HlcClock clock_;
  std::array<StreamHead, model::class_count> heads_;
};

}  // namespace airbridge::trust
