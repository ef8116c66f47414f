#include "model/event.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/cbor.hpp"

namespace airbridge::model {

// Envelope keys. 10 is reserved for the actor's own signature, 11 for a compressed form.
namespace key {
enum : std::uint64_t {
  Schema = 0,
  Time = 1,
  Quality = 2,
  Actor = 3,
  Via = 4,
  Names = 5,
  Entity = 6,
  Record = 7,
  Writes = 8,
  After = 9
};
}
namespace {
constexpr std::uint64_t identifier_tag = 39;  // CBOR tag "identifier": a value that names an entity
constexpr std::size_t envelope_keys_max = 32;

// The writers named in an event, so that a dot costs 3 to 12 bytes instead of 30. Index 0 is the event's own writer; a
// narrow link may replace the table, at its one place, by roster numbers, and put it back.
class Names {
 public:
  explicit Names(const Writer& own) : own_(own) {}
  std::uint64_t index_of(const Writer& writer) {
    if (writer == own_) return 0;
    const auto found = std::find(others_.begin(), others_.end(), writer);
    if (found != others_.end()) return static_cast<std::uint64_t>(found - others_.begin()) + 1;
    others_.push_back(writer);
    return others_.size();
  }
  // When reading: notes the use. The table must stand in the order of first use and hold nothing unused, else one event
  // would have several encodings.
  const Writer* use(std::uint64_t index) {
    if (index == 0) return &own_;
    if (index > others_.size()) return nullptr;
    in_order_ = in_order_ && index <= used_ + 1;
    used_ = std::max(used_, index);
    return &others_[index - 1];
  }
  bool in_order() const { return in_order_; }
  bool all_used() const { return used_ == others_.size(); }
  std::vector<Writer>& others() { return others_; }

 private:
  Writer own_;
  std::vector<Writer> others_;
  std::uint64_t used_ = 0;
  bool in_order_ = true;
};

void put_names(cbor::Writer& out, const std::vector<Writer>& others) {
  out.array(others.size());
  for (const auto& writer : others) {
    out.array(2);
    out.bytes(writer.author.view());
    out.uint(writer.incarnation);
  }
}

void put_dot(cbor::Writer& out, Names& names, const Dot& dot) {
  out.array(3);
  out.uint(names.index_of(dot.writer));
  out.uint(static_cast<std::uint64_t>(dot.cls));
  out.uint(dot.seq);
}

void put_entity(cbor::Writer& out, Names& names, const EntityId& id, const Dot& own) {
  if (const auto* external = id.external()) {
    out.bytes(external->view());
  } else if (*id.dot() == own) {
    out.null();
  } else {
    put_dot(out, names, *id.dot());
  }
}

void put_value(cbor::Writer& out, Names& names, const Value& value, const Dot& own) {
  if (const auto* b = value.boolean()) {
    out.boolean(*b);
  } else if (const auto* i = value.integer()) {
    out.integer(*i);
  } else if (const auto* text = value.text()) {
    out.text(*text);
  } else if (const auto* bytes = value.bytes()) {
    out.bytes(*bytes);
  } else if (const auto* list = value.list()) {
    out.array(list->size());
    for (const auto& item : *list) put_value(out, names, item, own);
  } else if (const auto* id = value.entity()) {
    out.tag(identifier_tag);
    put_entity(out, names, *id, own);
  } else {
    out.null();
  }
}

void put_writes(cbor::Writer& out, Names& names, const std::vector<Write>& writes, const Dot& own) {
  out.array(writes.size());
  for (const auto& write : writes) {
    out.array(write.replaced.empty() ? 2 : 3);
    out.uint(write.key.raw);
    put_value(out, names, write.value, own);
    if (write.replaced.empty()) continue;
    out.array(write.replaced.size());
    for (const auto& dot : write.replaced) put_dot(out, names, dot);
  }
}

void get_names(cbor::Reader& in, Names& names) {
  const auto count = in.array(names_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    if (in.array(2) != 2) in.fail_at(DecodeFault::WrongType, at);
    const auto author = KeyId::from(in.bytes(KeyId::size));
    const auto incarnation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
    if (!author) {
      in.fail_at(DecodeFault::WrongType, at);
      return;
    }
    const Writer writer{*author, incarnation};
    // A name twice, or one's own, would be a second encoding too.
    if (names.index_of(writer) != i + 1) in.fail_at(DecodeFault::NotCanonical, at);
  }
}

Dot get_dot(cbor::Reader& in, Names& names) {
  const auto at = in.offset();
  if (in.array(3) != 3) in.fail_at(DecodeFault::WrongType, at);
  const auto index = in.uint();
  const auto cls = in.uint(class_count - 1);
  const auto seq = in.uint();
  const auto* writer = in.ok() ? names.use(index) : nullptr;
  if (in.ok() && (writer == nullptr || seq == 0)) in.fail_at(DecodeFault::BadReference, at);
  if (!names.in_order()) in.fail_at(DecodeFault::NotCanonical, at);
  if (!in.ok()) return {};
  return {*writer, static_cast<Class>(cls), seq};
}

EntityId get_entity(cbor::Reader& in, Names& names, const Dot& own) {
  const auto at = in.offset();
  if (in.next_is_null()) {
    in.null();
    return own;
  }
  if (in.peek() == cbor::Kind::Bytes) {
    const auto external = ExternalName::from(in.bytes(ExternalName::size));
    if (in.ok() && !external) in.fail_at(DecodeFault::WrongType, at);
    return external ? EntityId(*external) : EntityId();
  }
  const auto dot = get_dot(in, names);
  if (in.ok() && dot == own) in.fail_at(DecodeFault::NotCanonical, at);  // one's own dot is written as null
  return dot;
}

Value get_value(cbor::Reader& in, Names& names, const Dot& own, std::size_t depth) {
  const auto at = in.offset();
  const auto kind = in.peek();
  if (!kind) {
    in.fail(DecodeFault::Truncated);
    return {};
  }
  if (depth == 0) {
    in.fail(DecodeFault::TooDeep);
    return {};
  }
  switch (*kind) {
    case cbor::Kind::Uint:
    case cbor::Kind::Negative:
      return in.integer();
    case cbor::Kind::Bytes:
      return to_bytes(in.bytes(event_bytes_max));
    case cbor::Kind::Text:
      return in.text(event_bytes_max);
    case cbor::Kind::Array: {
      const auto count = in.array(event_bytes_max);
      Value::List list;
      for (std::size_t i = 0; i < count && in.ok(); ++i) list.push_back(get_value(in, names, own, depth - 1));
      return list;
    }
    case cbor::Kind::Tag:
      if (in.tag() != identifier_tag) in.fail_at(DecodeFault::WrongType, at);
      return get_entity(in, names, own);
    case cbor::Kind::Simple:
      if (in.next_is_null()) {
        in.null();
        return {};
      }
      return in.boolean();
    case cbor::Kind::Map:
      in.fail(DecodeFault::WrongType);
  }
  return {};
}

// Whether a second write of the key in one event has no meaning: their dots would be the same. A rule of a newer
// version may allow it.
bool stands_once(FieldKey key) { return key.rule() <= MergeRule::Tombstone && !holds_many(key.rule()); }

std::vector<Write> get_writes(cbor::Reader& in, Names& names, const Dot& own) {
  std::vector<Write> writes;
  std::set<std::uint32_t> keys;
  const auto count = in.array(writes_max);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    const auto parts = in.array(3);
    if (parts < 2) in.fail_at(DecodeFault::WrongType, at);
    Write write;
    write.key.raw = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
    if (in.ok() && !keys.insert(write.key.raw).second && stands_once(write.key)) {
      in.fail_at(DecodeFault::NotCanonical, at);
    }
    write.value = get_value(in, names, own, value_depth_max);
    if (parts == 3) {
      const auto dots = in.array(replaced_max);
      if (in.ok() && dots == 0) in.fail_at(DecodeFault::NotCanonical, at);
      for (std::size_t k = 0; k < dots && in.ok(); ++k) write.replaced.push_back(get_dot(in, names));
    }
    writes.push_back(std::move(write));
  }
  return writes;
}

// Names are collected in the order of their use, so the table is known only after everything else has been encoded:
// encode once to collect, then for good. Events are small.
void collect(Names& names, const Event& event, const Dot& own) {
  Bytes scratch;
  cbor::Writer out(scratch);
  put_entity(out, names, event.entity, own);
  put_writes(out, names, event.writes, own);
  for (const auto& dot : event.after) put_dot(out, names, dot);
}
}  // namespace

Bytes encode(const Event& event, const Dot& own) {
  Names names(own.writer);
  collect(names, event, own);
  const bool has_via = event.via != Via::Node || !event.source.empty();
  const std::size_t keys = 5 + (event.quality != ClockQuality::None) + event.actor.has_value() + has_via +
                           !names.others().empty() + !event.after.empty();
  Bytes bytes;
  cbor::Writer out(bytes);
  out.map(keys);
  out.uint(key::Schema);
  out.uint(event.schema);
  out.uint(key::Time);
  out.uint(event.time.packed);
  if (event.quality != ClockQuality::None) {
    out.uint(key::Quality);
    out.uint(static_cast<std::uint64_t>(event.quality));
  }
  if (event.actor) {
    out.uint(key::Actor);
    out.bytes(event.actor->view());
  }
  if (has_via) {
    out.uint(key::Via);
    out.array(2);
    out.uint(static_cast<std::uint64_t>(event.via));
    out.text(event.source);
  }
  if (!names.others().empty()) {
    out.uint(key::Names);
    put_names(out, names.others());
  }
  out.uint(key::Entity);
  put_entity(out, names, event.entity, own);
  out.uint(key::Record);
  out.uint(event.record);
  out.uint(key::Writes);
  put_writes(out, names, event.writes, own);
  if (!event.after.empty()) {
    out.uint(key::After);
    out.array(event.after.size());
    for (const auto& dot : event.after) put_dot(out, names, dot);
  }
  return bytes;
}

Result<Event, DecodeError> decode_event(ByteView bytes, const Dot& own) {
  cbor::Reader in(bytes);
  if (bytes.size() > event_bytes_max) in.fail(DecodeFault::TooLong);
  Event event;
  event.schema = 0;
  Names names(own.writer);
  unsigned seen = 0;
  // A key that says what its absence says would be a second encoding.
  const auto absent_is_shorter = [&](bool says_nothing) {
    if (in.ok() && says_nothing) in.fail(DecodeFault::NotCanonical);
  };
  event.newer_keys = cbor::read_map(in, envelope_keys_max, [&](std::uint64_t k) {
    if (k <= key::After) seen |= 1U << k;
    switch (k) {
      case key::Schema:
        event.schema = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
        if (event.schema != event_schema) in.fail(DecodeFault::UnknownSchema);
        return true;
      case key::Time:
        event.time.packed = in.uint();
        return true;
      case key::Quality:
        event.quality = static_cast<ClockQuality>(in.uint(3));
        absent_is_shorter(event.quality == ClockQuality::None);
        return true;
      case key::Actor: {
        const auto at = in.offset();
        event.actor = KeyId::from(in.bytes(KeyId::size));
        if (!event.actor) in.fail_at(DecodeFault::WrongType, at);
        return true;
      }
      case key::Via: {
        const auto at = in.offset();
        if (in.array(2) != 2) in.fail_at(DecodeFault::WrongType, at);
        event.via = static_cast<Via>(in.uint(255));  // a newer version's way is kept as its number
        event.source = std::string(in.text(source_max));
        absent_is_shorter(event.via == Via::Node && event.source.empty());
        return true;
      }
      case key::Names:
        get_names(in, names);
        absent_is_shorter(names.others().empty());
        return true;
      case key::Entity:
        event.entity = get_entity(in, names, own);
        return true;
      case key::Record:
        event.record = static_cast<std::uint16_t>(in.uint(UINT16_MAX));
        return true;
      case key::Writes:
        event.writes = get_writes(in, names, own);
        return true;
      case key::After: {
        const auto count = in.array(after_max);
        for (std::size_t i = 0; i < count && in.ok(); ++i) event.after.push_back(get_dot(in, names));
        absent_is_shorter(event.after.empty());
        return true;
      }
      default:
        return false;
    }
  });
  in.end();
  constexpr unsigned required =
      1U << key::Schema | 1U << key::Time | 1U << key::Entity | 1U << key::Record | 1U << key::Writes;
  if (in.ok() && (seen & required) != required) in.fail(DecodeFault::Truncated);
  // What a newer key names, this version cannot see.
  if (event.newer_keys == 0 && !names.all_used()) in.fail(DecodeFault::NotCanonical);
  if (!in.ok()) return failure(*in.fault());
  return event;
}

Bytes encode_writes(const std::vector<Write>& writes, const Dot& own) {
  Names names(own.writer);
  Bytes scratch;
  cbor::Writer collecting(scratch);
  put_writes(collecting, names, writes, own);
  Bytes bytes;
  cbor::Writer out(bytes);
  out.array(2);
  put_names(out, names.others());
  put_writes(out, names, writes, own);
  return bytes;
}

Result<std::vector<Write>, DecodeError> decode_writes(ByteView bytes, const Dot& own) {
  cbor::Reader in(bytes);
  Names names(own.writer);
  if (in.array(2) != 2) in.fail(DecodeFault::WrongType);
  get_names(in, names);
  auto writes = get_writes(in, names, own);
  in.end();
  if (!names.all_used()) in.fail(DecodeFault::NotCanonical);
  if (!in.ok()) return failure(*in.fault());
  return writes;
}

std::string describe(const DecodeError& error) {
  static constexpr std::string_view words[] = {
      "cut short",       "not in canonical form", "wrong type",     "out of range",           "too long",
      "nested too deep", "trailing bytes",        "unknown schema", "names an unknown writer"};
  return fmt::format("{} at byte {}", words[static_cast<std::size_t>(error.fault)], error.offset);
}

Hlc HlcClock::next(UtcTime now) {
  const auto wall = Hlc::at(now);
  // If this node's own stamps ran ahead by more than the bound (its clock was set back), follow the clock again:
  // order within a stream comes from the sequence number, stamps only rank ties.
  const auto bound = Hlc::at(now + lead_max);
  last_ = last_ < wall || last_ >= bound ? wall : Hlc{last_.packed + 1};
  return last_;
}

void HlcClock::observe(Hlc seen, UtcTime now) {
  if (seen > last_ && seen <= Hlc::at(now + lead_max)) last_ = seen;
}

std::string_view name_of(Via via) {
  static constexpr std::string_view names[] = {"node", "web",    "cli", "tak",  "adsb",    "ais",
                                               "gnss", "import", "cap", "plan", "exercise"};
  const auto index = static_cast<std::size_t>(via);
  return index < std::size(names) ? names[index] : "newer";
}

std::string_view name_of(ClockQuality quality) {
  static constexpr std::string_view names[] = {"none", "rtc", "ntp", "gnss"};
  return names[static_cast<std::size_t>(quality) & 3];
}

}  // namespace airbridge::model
