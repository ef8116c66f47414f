#include "sync/compact_event.hpp"

#include <algorithm>

#include "model/cbor.hpp"

namespace airbridge::sync::compact {

using model::DecodeFault;
using model::Dot;
using model::EntityId;
using model::Event;
using model::PrivatePart;
using model::Value;

// The forms below are those of docs/protocol/compact.md, "Events".
namespace {

// First byte: quality in bits 0 and 1, via in bits 2 to 5.
constexpr std::uint8_t creates_flag = 0x40, extras_flag = 0x80;
constexpr std::uint64_t via_max = 15;
// The extras.
constexpr std::uint8_t actor_mask = 0x03, source_flag = 0x04, after_flag = 0x08, raw_flag = 0x40, reserved_flag = 0x80;
constexpr int private_shift = 4;
enum class ActorForm : std::uint8_t { AsBefore = 0, None = 1, FromTable = 2, Whole = 3 };
// Heads of values.
enum : std::uint8_t {
  value_text = 0x00,   // to 0x7F: its length
  value_small = 0x80,  // to 0xBF: 0..63
  value_null = 0xC0,
  value_false,
  value_true,
  value_long_text,
  value_bytes,
  value_long_list,
  value_own,
  value_external,
  value_dot,
  value_positive,                       // and the three after it: 1, 2, 4, 8 bytes
  value_negative = value_positive + 4,  // of -1 - n, likewise
  value_place = value_negative + 4,
  value_place_with_height,
  value_shape,
  value_list = 0xD8,  // to 0xDF: 0..7 items
};
constexpr std::uint64_t small_max = 63, short_text_max = 127, short_list_max = 7;
// What stands before the ciphertext in a private part (group, epoch, length) is alike in all of an incident.
constexpr std::size_t private_head_bytes = 13;
constexpr std::int64_t coordinate_max = (std::int64_t{1} << 36);
constexpr std::uint8_t nibble_full = 15;

// ---- dots -------------------------------------------------------------------------------------------------------

void put_dot_after(Bytes& out, std::uint64_t offset, const Dot& dot, const Dot& own, const WriterTable* table) {
  std::uint64_t writer = 1;
  if (dot.writer == own.writer) {
    writer = 0;
  } else if (const auto index = table != nullptr ? table->index_of(dot.writer) : std::nullopt) {
    writer = 2 + *index;
  }
  put_number(out, offset + writer * model::class_count + static_cast<std::uint64_t>(dot.cls));
  if (writer == 1) put_writer(out, dot.writer);
  // Of the own stream how far back; wraps around, so that any number can be said.
  put_number(out, dot.writer == own.writer && dot.cls == own.cls ? own.seq - dot.seq : dot.seq);
}

Dot get_dot_of(In& in, std::uint64_t code, const Dot& own, const WriterTable* table) {
  Dot dot;
  const auto writer = code / model::class_count;
  dot.cls = static_cast<model::Class>(code % model::class_count);
  if (writer == 0) {
    dot.writer = own.writer;
  } else if (writer == 1) {
    dot.writer = get_writer(in);
  } else if (table != nullptr && writer - 2 < table->writers().size()) {
    dot.writer = table->writers()[writer - 2];
  } else {
    in.fail(DecodeFault::BadReference);
  }
  dot.seq = in.number();
  if (dot.writer == own.writer && dot.cls == own.cls) dot.seq = own.seq - dot.seq;
  return dot;
}

void put_entity(Bytes& out, const EntityId& entity, const Dot& own, const WriterTable* table) {
  if (const auto* external = entity.external()) {
    out.push_back(0);
    put_bytes(out, external->view());
  } else {
    put_dot_after(out, 1, *entity.dot(), own, table);
  }
}

EntityId get_entity(In& in, const Dot& own, const WriterTable* table) {
  const auto code = in.number();
  if (code == 0) {
    model::ExternalName name;
    name.value = in.array<decltype(name.value)>();
    return name;
  }
  return get_dot_of(in, code - 1, own, table);
}

// ---- values -----------------------------------------------------------------------------------------------------

void put_coordinate(Bytes& dense, std::int64_t value, std::int64_t& before) {
  const auto step = zigzag(value - before);
  const auto form = short_form(coordinate_lengths, step);
  put_prefixed(dense, coordinate_lengths, form ? Prefixed{*form, step} : Prefixed{3, zigzag(value)});
  before = value;
}
std::int64_t get_coordinate(In& dense, std::int64_t& before) {
  const auto number = get_prefixed(dense, coordinate_lengths);
  before = number.form == 3 ? unzigzag(number.value) : before + unzigzag(number.value);
  return before;
}

bool are_coordinates(const Value::List& list, std::size_t from, std::size_t count) {
  return std::all_of(list.begin() + static_cast<std::ptrdiff_t>(from),
                     list.begin() + static_cast<std::ptrdiff_t>(from + count), [](const Value& value) {
                       const auto* i = value.integer();
                       return i != nullptr && *i > -coordinate_max && *i < coordinate_max;
                     });
}
bool is_count(const Value& value) { return value.integer() != nullptr && *value.integer() >= 0; }

class ValueWriter {
 public:
  ValueWriter(Parts& out, RunMemory& memory, const Dot& own, const WriterTable* table)
      : out_(out), memory_(memory), own_(own), table_(table) {}

  void put(const Value& value) {
    if (const auto* b = value.boolean()) {
      head(*b ? value_true : value_false);
    } else if (const auto* i = value.integer()) {
      put_integer(*i);
    } else if (const auto* text = value.text()) {
      if (text->size() <= short_text_max) {
        head(static_cast<std::uint8_t>(text->size()));
      } else {
        head(value_long_text);
        put_number(out_.plain, text->size());
      }
      put_bytes(out_.plain, as_bytes(*text));
    } else if (const auto* bytes = value.bytes()) {
      head(value_bytes);
      put_number(out_.plain, bytes->size());
      put_bytes(out_.plain, *bytes);
    } else if (const auto* list = value.list()) {
      put_list(*list);
    } else if (const auto* entity = value.entity()) {
      put_reference(*entity);
    } else {
      head(value_null);
    }
  }

 private:
  void head(std::uint8_t byte) { out_.plain.push_back(byte); }
  void put_integer(std::int64_t value) {
    if (value >= 0 && value <= static_cast<std::int64_t>(small_max)) {
      return head(static_cast<std::uint8_t>(value_small + value));
    }
    const auto size = static_cast<std::uint64_t>(value >= 0 ? value : -(value + 1));
    const unsigned power = size <= 0xFF ? 0 : size <= 0xFFFF ? 1 : size <= 0xFFFFFFFF ? 2 : 3;
    head(static_cast<std::uint8_t>((value >= 0 ? value_positive : value_negative) + power));
    put_big_endian(out_.plain, size, std::size_t{1} << power);
  }
  void put_pair(const Value& latitude, const Value& longitude) {
    put_coordinate(out_.dense, *latitude.integer(), memory_.latitude);
    put_coordinate(out_.dense, *longitude.integer(), memory_.longitude);
  }
  void put_list(const Value::List& list) {
    if (list.size() == 2 && are_coordinates(list, 0, 2)) {
      head(value_place);
      put_pair(list[0], list[1]);
    } else if (list.size() == 3 && are_coordinates(list, 0, 2) && list[2].integer() != nullptr &&
               std::abs(*list[0].integer()) > static_cast<std::int64_t>(short_list_max)) {
      head(value_place_with_height);
      put_pair(list[0], list[1]);
      put_number(out_.plain, zigzag(*list[2].integer()));
    } else if (list.size() >= 3 && is_count(list[0]) && are_coordinates(list, 1, list.size() - 1) &&
               (list.size() % 2 == 1 || is_count(list.back()))) {
      head(value_shape);
      put_number(out_.plain, list.size());
      put_number(out_.plain, static_cast<std::uint64_t>(*list[0].integer()));
      std::size_t at = 1;
      for (; at + 1 < list.size(); at += 2) put_pair(list[at], list[at + 1]);
      if (at < list.size()) put_number(out_.plain, static_cast<std::uint64_t>(*list[at].integer()));
    } else {
      if (list.size() <= short_list_max) {
        head(static_cast<std::uint8_t>(value_list + list.size()));
      } else {
        head(value_long_list);
        put_number(out_.plain, list.size());
      }
      for (const auto& item : list) put(item);
    }
  }
  void put_reference(const EntityId& entity) {
    if (const auto* external = entity.external()) {
      head(value_external);
      put_bytes(out_.plain, external->view());
    } else if (*entity.dot() == own_) {
      head(value_own);
    } else {
      head(value_dot);
      put_dot_after(out_.plain, 0, *entity.dot(), own_, table_);
    }
  }
  Parts& out_;
  RunMemory& memory_;
  const Dot& own_;
  const WriterTable* table_;
};

class ValueReader {
 public:
  ValueReader(In& plain, In& dense, RunMemory& memory, const Dot& own, const WriterTable* table)
      : plain_(plain), dense_(dense), memory_(memory), own_(own), table_(table) {}

  Value get(std::size_t depth = model::value_depth_max) {
    if (depth == 0) plain_.fail(DecodeFault::TooDeep);
    const auto head = plain_.byte();
    if (!plain_.ok()) return {};
    if (head <= short_text_max) return text(head);
    if (head < value_null) return static_cast<std::int64_t>(head - value_small);
    if (head >= value_list && head <= value_list + short_list_max) {
      return list(static_cast<std::size_t>(head - value_list), depth);
    }
    if (head >= value_positive && head < value_negative) return magnitude(head - value_positive);
    if (head >= value_negative && head < value_place) return -1 - magnitude(head - value_negative);
    switch (head) {
      case value_null:
        return {};
      case value_false:
        return false;
      case value_true:
        return true;
      case value_long_text:
        return text(plain_.number());
      case value_bytes:
        return to_bytes(plain_.bytes(plain_.number()));
      case value_long_list:
        return list(plain_.number(plain_.left()), depth);
      case value_own:
        return EntityId(own_);
      case value_external: {
        model::ExternalName name;
        name.value = plain_.array<decltype(name.value)>();
        return EntityId(name);
      }
      case value_dot:
        return EntityId(get_dot_of(plain_, plain_.number(), own_, table_));
      case value_place:
      case value_place_with_height: {
        auto out = pair();
        if (head == value_place_with_height) out.emplace_back(unzigzag(plain_.number()));
        return out;
      }
      case value_shape:
        return shape();
      default:
        plain_.fail(DecodeFault::WrongType);
        return {};
    }
  }

 private:
  Value text(std::uint64_t size) {
    const auto out = as_text(plain_.bytes(size));
    if (!model::cbor::is_utf8(out)) plain_.fail(DecodeFault::WrongType);
    return out;
  }
  std::int64_t magnitude(int power) {
    const auto size = plain_.big_endian(std::size_t{1} << power);
    if (size > static_cast<std::uint64_t>(INT64_MAX)) plain_.fail(DecodeFault::OutOfRange);
    return plain_.ok() ? static_cast<std::int64_t>(size) : 0;
  }
  Value list(std::uint64_t count, std::size_t depth) {
    Value::List out;
    for (std::uint64_t i = 0; i < count && plain_.ok(); ++i) out.push_back(get(depth - 1));
    return out;
  }
  Value::List pair() {
    Value::List out;
    out.emplace_back(get_coordinate(dense_, memory_.latitude));
    out.emplace_back(get_coordinate(dense_, memory_.longitude));
    return out;
  }
  Value shape() {
    const auto count = plain_.number(1 + dense_.left() + 1);
    if (count < 3) plain_.fail(DecodeFault::OutOfRange);
    Value::List out;
    out.emplace_back(static_cast<std::int64_t>(plain_.number(INT64_MAX)));
    while (out.size() + 1 < count && plain_.ok() && dense_.ok()) {
      out.emplace_back(get_coordinate(dense_, memory_.latitude));
      out.emplace_back(get_coordinate(dense_, memory_.longitude));
    }
    if (out.size() < count) out.emplace_back(static_cast<std::int64_t>(plain_.number(INT64_MAX)));
    return out;
  }
  In& plain_;
  In& dense_;
  RunMemory& memory_;
  const Dot& own_;
  const WriterTable* table_;
};

// ---- events -----------------------------------------------------------------------------------------------------

// False when the event has something this form has no room for.
bool has_form(const Event& event, const Dot& own) {
  if (event.newer_keys != 0 || static_cast<std::uint64_t>(event.via) > via_max) return false;
  if (event.time.packed >> 16 >= time_lengths.limit(3) / 2) return false;
  const auto* dot = event.entity.dot();
  if (dot == nullptr || *dot != own) return true;
  return std::all_of(event.writes.begin(), event.writes.end(),
                     [](const model::Write& write) { return write.replaced.empty(); });
}

void put_time(Parts& out, RunMemory& memory, model::Hlc time) {
  const auto ms = static_cast<std::int64_t>(time.packed >> 16);
  const auto counter = time.packed & 0xFFFF;
  const auto flagged = [&](std::int64_t value) { return static_cast<std::uint64_t>(value) << 1 | (counter != 0); };
  const auto form = ms >= memory.ms ? short_form(time_lengths, flagged(ms - memory.ms)) : std::nullopt;
  put_prefixed(out.dense, time_lengths, form ? Prefixed{*form, flagged(ms - memory.ms)} : Prefixed{3, flagged(ms)});
  if (counter != 0) put_number(out.plain, counter);
  memory.ms = ms;
}
model::Hlc get_time(In& plain, In& dense, RunMemory& memory) {
  const auto number = get_prefixed(dense, time_lengths);
  const auto value = static_cast<std::int64_t>(number.value >> 1);
  memory.ms = number.form == 3 ? value : memory.ms + value;
  const auto counter = (number.value & 1) != 0 ? plain.number(0xFFFF) : 0;
  return {static_cast<std::uint64_t>(memory.ms) << 16 | counter};
}

void put_event(Parts& out, RunMemory& memory, const Event& event, const Dot& own, const WriterTable* table,
               PrivatePart::State state) {
  const bool creates = event.entity.dot() != nullptr && *event.entity.dot() == own;
  auto actor = ActorForm::AsBefore;
  std::optional<std::size_t> actor_index;
  if (event.actor != memory.actor) {
    if (event.actor && table != nullptr) actor_index = table->index_of(*event.actor);
    actor = !event.actor ? ActorForm::None : actor_index ? ActorForm::FromTable : ActorForm::Whole;
  }
  const auto extras = static_cast<std::uint8_t>(
      static_cast<unsigned>(actor) | (event.source != memory.source ? source_flag : 0U) |
      (event.after.empty() ? 0U : after_flag) | static_cast<unsigned>(state) << private_shift);
  out.plain.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(event.quality) |
                                                static_cast<unsigned>(event.via) << 2 | (creates ? creates_flag : 0U) |
                                                (extras != 0 ? extras_flag : 0U)));
  if (extras != 0) out.plain.push_back(extras);
  const auto nibble = [](std::uint64_t value) {
    return static_cast<unsigned>(std::min<std::uint64_t>(value, nibble_full));
  };
  out.plain.push_back(static_cast<std::uint8_t>(nibble(event.record) << 4 | nibble(event.writes.size())));
  if (event.record >= nibble_full) put_number(out.plain, event.record);
  if (event.writes.size() >= nibble_full) put_number(out.plain, event.writes.size());
  if (actor == ActorForm::FromTable) put_number(out.plain, *actor_index);
  if (actor == ActorForm::Whole) put_bytes(out.plain, event.actor->view());
  if ((extras & source_flag) != 0) {
    put_number(out.plain, event.source.size());
    put_bytes(out.plain, as_bytes(event.source));
  }
  put_time(out, memory, event.time);
  if (!creates) put_entity(out.plain, event.entity, own, table);
  ValueWriter values(out, memory, own, table);
  for (const auto& write : event.writes) {
    put_number(out.plain, write.key.raw);
    values.put(write.value);
    if (creates) continue;
    const bool entity_only =
        write.replaced.size() == 1 && event.entity.dot() != nullptr && write.replaced.front() == *event.entity.dot();
    put_number(out.plain, write.replaced.empty() ? 0 : entity_only ? 1 : 1 + write.replaced.size());
    if (entity_only) continue;
    for (const auto& dot : write.replaced) put_dot_after(out.plain, 0, dot, own, table);
  }
  if (!event.after.empty()) {
    put_number(out.plain, event.after.size());
    for (const auto& dot : event.after) put_dot_after(out.plain, 0, dot, own, table);
  }
  memory.actor = event.actor;
  memory.source = event.source;
}

struct Head {
  std::uint8_t first = 0, extras = 0;
  PrivatePart::State state() const { return static_cast<PrivatePart::State>(extras >> private_shift & 3); }
};

Event get_event(In& plain, In& dense, RunMemory& memory, Head head, const Dot& own, const WriterTable* table) {
  Event event;
  event.quality = static_cast<model::ClockQuality>(head.first & 3);
  event.via = static_cast<model::Via>(head.first >> 2 & via_max);
  const auto counts = plain.byte();
  const auto record = counts >> 4, writes = counts & nibble_full;
  event.record =
      static_cast<std::uint16_t>(record < nibble_full ? static_cast<unsigned>(record) : plain.number(UINT16_MAX));
  const auto count = writes < nibble_full ? static_cast<std::uint64_t>(writes) : plain.number(model::writes_max);
  switch (static_cast<ActorForm>(head.extras & actor_mask)) {
    case ActorForm::AsBefore:
      break;
    case ActorForm::None:
      memory.actor.reset();
      break;
    case ActorForm::FromTable: {
      const auto index = plain.number();
      if (table != nullptr && index < table->writers().size()) {
        memory.actor = table->writers()[index].author;
      } else {
        plain.fail(DecodeFault::BadReference);
      }
      break;
    }
    case ActorForm::Whole:
      memory.actor.emplace().value = plain.array<decltype(model::KeyId::value)>();
      break;
  }
  if ((head.extras & source_flag) != 0) {
    memory.source = std::string(as_text(plain.bytes(plain.number(model::source_max))));
    if (!model::cbor::is_utf8(memory.source)) plain.fail(DecodeFault::WrongType);
  }
  event.actor = memory.actor;
  event.source = memory.source;
  event.time = get_time(plain, dense, memory);
  const bool creates = (head.first & creates_flag) != 0;
  event.entity = creates ? EntityId(own) : get_entity(plain, own, table);
  ValueReader values(plain, dense, memory, own, table);
  for (std::uint64_t i = 0; i < count && plain.ok() && dense.ok(); ++i) {
    auto& write = event.writes.emplace_back();
    write.key.raw = static_cast<std::uint32_t>(plain.number(UINT32_MAX));
    write.value = values.get();
    if (creates) continue;
    const auto replaced = plain.number(1 + model::replaced_max);
    if (replaced == 1) {
      event.entity.dot() != nullptr ? write.replaced.push_back(*event.entity.dot())
                                    : plain.fail(DecodeFault::BadReference);
    }
    for (std::uint64_t k = 1; replaced > 1 && k < replaced && plain.ok(); ++k) {
      const auto code = plain.number();
      write.replaced.push_back(get_dot_of(plain, code, own, table));
    }
  }
  if ((head.extras & after_flag) != 0) {
    const auto after = plain.number(model::after_max);
    for (std::uint64_t i = 0; i < after && plain.ok(); ++i) {
      const auto code = plain.number();
      event.after.push_back(get_dot_of(plain, code, own, table));
    }
  }
  return event;
}

Head get_head(In& plain) {
  Head head;
  head.first = plain.byte();
  if ((head.first & extras_flag) != 0) head.extras = plain.byte();
  if ((head.extras & reserved_flag) != 0 || head.state() > PrivatePart::State::Withheld) {
    plain.fail(DecodeFault::OutOfRange);
  }
  return head;
}

void get_public_part(In& plain, In& dense, RunMemory& memory, Head head, model::Entry& entry,
                     const WriterTable* table) {
  if ((head.extras & raw_flag) != 0) {
    entry.public_part = to_bytes(plain.bytes(plain.number(model::event_bytes_max)));
    return;
  }
  const auto event = get_event(plain, dense, memory, head, entry.dot(), table);
  if (!plain.ok() || !dense.ok()) return;
  entry.public_part = model::encode(event, entry.dot());
  if (entry.public_part.size() > model::event_bytes_max) plain.fail(DecodeFault::TooLong);
}

// Writes the event in its form if what a reader makes of it has the same bytes.
bool put_exactly(Parts& out, RunMemory& memory, const model::Entry& entry, PrivatePart::State state,
                 const WriterTable* table) {
  const auto event = model::decode_event(entry.public_part, entry.dot());
  if (!event || !has_form(*event, entry.dot())) return false;
  Parts trial;
  auto after = memory;
  put_event(trial, after, *event, entry.dot(), table, state);
  In plain(trial.plain), dense(trial.dense);
  auto check = memory;
  model::Entry read{entry.stream, entry.seq, {}, {}};
  const auto head = get_head(plain);
  get_public_part(plain, dense, check, head, read, table);
  plain.end(), dense.end();
  if (!plain.ok() || !dense.ok() || read.public_part != entry.public_part) return false;
  memory = std::move(after);
  put_bytes(out.plain, trial.plain);
  put_bytes(out.dense, trial.dense);
  return true;
}

}  // namespace

void put_entry(Parts& out, RunMemory& memory, const model::Entry& entry, const WriterTable* table, bool private_parts) {
  auto state = entry.private_part.state;
  if (state == PrivatePart::State::Here && !private_parts) state = PrivatePart::State::Withheld;
  if (!put_exactly(out, memory, entry, state, table)) {
    out.plain.push_back(extras_flag);
    out.plain.push_back(static_cast<std::uint8_t>(raw_flag | static_cast<unsigned>(state) << private_shift));
    put_number(out.plain, entry.public_part.size());
    put_bytes(out.plain, entry.public_part);
  }
  if (state == PrivatePart::State::Withheld) put_bytes(out.dense, entry.private_part.hash.view());
  if (state != PrivatePart::State::Here) return;
  const ByteView ciphertext(entry.private_part.ciphertext);
  const auto head = std::min(ciphertext.size(), private_head_bytes);
  put_number(out.plain, ciphertext.size());
  put_bytes(out.plain, ciphertext.first(head));
  put_bytes(out.dense, ciphertext.subspan(head));
}

void get_entry(In& plain, In& dense, RunMemory& memory, model::Entry& entry, const WriterTable* table) {
  const auto head = get_head(plain);
  get_public_part(plain, dense, memory, head, entry, table);
  if (head.state() == PrivatePart::State::Withheld) {
    model::Hash hash;
    hash.value = dense.array<decltype(hash.value)>();
    entry.private_part = PrivatePart::withheld(hash);
  } else if (head.state() == PrivatePart::State::Here) {
    const auto size = plain.number(model::event_bytes_max);
    auto ciphertext = to_bytes(plain.bytes(std::min<std::uint64_t>(size, private_head_bytes)));
    put_bytes(ciphertext, dense.bytes(size - std::min<std::uint64_t>(size, private_head_bytes)));
    entry.private_part = PrivatePart::here(std::move(ciphertext));
  }
}

}  // namespace airbridge::sync::compact
