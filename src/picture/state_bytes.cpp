#include "picture/state_bytes.hpp"

#include <algorithm>

namespace airbridge::picture {
namespace {
using model::DecodeFault;
using model::Dot;
using model::MergeRule;
using model::cbor::Kind;
using model::cbor::Reader;
using model::cbor::Writer;
constexpr std::uint64_t identifier_tag = 39;  // as in events
constexpr std::size_t source_max = 256;       // as in events

// The stamps some state refers to, by dot: each is written once, elements name it by its place.
class Stamps {
 public:
  void add(const StampPtr& stamp) {
    if (all_.empty() || all_.back() != stamp.get()) all_.push_back(stamp.get());
  }
  void add(const std::vector<FieldState>& fields) {
    for (const auto& field : fields) {
      for (const auto& element : field.current) add(element.stamp);
    }
  }
  void sort() {
    std::sort(all_.begin(), all_.end(), [](const Stamp* a, const Stamp* b) { return a->dot < b->dot; });
    all_.erase(std::unique(all_.begin(), all_.end(), [](const Stamp* a, const Stamp* b) { return a->dot == b->dot; }),
               all_.end());
  }
  std::uint64_t place_of(const StampPtr& stamp) const {
    const auto at = std::lower_bound(all_.begin(), all_.end(), stamp->dot,
                                     [](const Stamp* s, const Dot& dot) { return s->dot < dot; });
    return static_cast<std::uint64_t>(at - all_.begin());
  }
  void put(Writer& out) const {
    out.array(all_.size());
    for (const auto* stamp : all_) {
      out.array(6);
      put_dot(out, stamp->dot);
      out.uint(stamp->time.packed);
      out.uint(static_cast<std::uint64_t>(stamp->quality));
      stamp->actor ? out.bytes(stamp->actor->view()) : out.null();
      out.uint(static_cast<std::uint64_t>(stamp->via));
      out.text(stamp->source);
    }
  }

 private:
  std::vector<const Stamp*> all_;
};

void put_field_list(Writer& out, const std::vector<FieldState>& fields, const Stamps& stamps) {
  out.array(fields.size());
  for (const auto& field : fields) {
    const bool tombstone = field.key.rule() == MergeRule::Tombstone;
    out.array(4);
    out.uint(field.record);
    out.uint(field.key.raw);
    out.array(field.current.size());
    for (const auto& element : field.current) {
      out.array(tombstone ? 4 : 3);
      out.uint(stamps.place_of(element.stamp));
      out.uint(element.index);
      put_value(out, element.value);
      if (tombstone) put_dots(out, element.covers);
    }
    put_dots(out, field.replaced);
  }
}

// Room for `count` items as far as the bytes that are there could hold so many, and not for millions on their word.
std::size_t room_for(const Reader& in, std::size_t count) {
  constexpr std::size_t room_max = 64;
  return std::min({count, in.left(), room_max});
}

StampPtr get_stamp(Reader& in) {
  auto stamp = std::make_shared<Stamp>();
  if (!expect(in, 6)) return stamp;
  stamp->dot = get_dot(in);
  stamp->time.packed = in.uint();
  stamp->quality = static_cast<model::ClockQuality>(in.uint(3));
  if (in.next_is_null()) {
    in.null();
  } else {
    stamp->actor = in.fixed<model::KeyId>();
  }
  stamp->via = static_cast<model::Via>(in.uint(255));
  stamp->source = std::string(in.text(source_max));
  return stamp;
}

// The stamps of one entity, each to be named at least once: else there were two forms of one state.
struct StampList {
  std::vector<StampPtr> all;
  std::vector<bool> named;
  bool all_named() const { return std::find(named.begin(), named.end(), false) == named.end(); }
};

StampList get_stamps(Reader& in, const DotSet* folded) {
  StampList list;
  auto& stamps = list.all;
  const auto count = in.array(list_max);
  stamps.reserve(room_for(in, count));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    stamps.push_back(get_stamp(in));
    if (!in.ok()) break;
    if (i > 0 && !(stamps[i - 1]->dot < stamps[i]->dot)) in.fail_at(DecodeFault::NotCanonical, at);
    if (folded != nullptr && !folded->contains(stamps[i]->dot)) in.fail_at(DecodeFault::BadReference, at);
  }
  list.named.resize(stamps.size());
  return list;
}

StampPtr get_stamp_place(Reader& in, StampList& stamps) {
  const auto at = in.offset();
  const auto place = in.uint();
  if (!in.ok()) return nullptr;
  if (place >= stamps.all.size()) {
    in.fail_at(DecodeFault::BadReference, at);
    return nullptr;
  }
  stamps.named[place] = true;
  return stamps.all[place];
}

std::vector<FieldState> get_field_list(Reader& in, StampList& stamps) {
  std::vector<FieldState> fields;
  const auto count = in.array(list_max);
  fields.reserve(room_for(in, count));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    if (!expect(in, 4)) break;
    FieldState field;
    field.record = static_cast<std::uint16_t>(in.uint(UINT16_MAX));
    field.key.raw = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
    const bool tombstone = field.key.rule() == MergeRule::Tombstone;
    if (i > 0 && std::pair(fields.back().record, fields.back().key) >= std::pair(field.record, field.key)) {
      in.fail_at(DecodeFault::NotCanonical, at);
    }
    const auto elements = in.array(list_max);
    field.current.reserve(room_for(in, elements));
    for (std::size_t k = 0; k < elements && in.ok(); ++k) {
      const auto element_at = in.offset();
      if (!expect(in, tombstone ? 4 : 3)) break;
      Element element;
      element.stamp = get_stamp_place(in, stamps);
      element.index = static_cast<std::uint8_t>(in.uint(255));
      element.value = get_value(in, model::value_depth_max);
      if (tombstone) element.covers = get_dots(in, model::replaced_max);
      if (!in.ok()) break;
      if (!field.current.empty() && std::tie(field.current.back().stamp->dot, field.current.back().index) >=
                                        std::tie(element.stamp->dot, element.index)) {
        in.fail_at(DecodeFault::NotCanonical, element_at);
      }
      field.current.push_back(std::move(element));
    }
    field.replaced = get_dots(in, list_max);
    fields.push_back(std::move(field));
  }
  return fields;
}
}  // namespace

void put_dot(Writer& out, const Dot& dot) {
  out.array(4);
  out.bytes(dot.writer.author.view());
  out.uint(dot.writer.incarnation);
  out.uint(static_cast<std::uint64_t>(dot.cls));
  out.uint(dot.seq);
}

void put_dots(Writer& out, const std::vector<Dot>& dots) {
  out.array(dots.size());
  for (const auto& dot : dots) put_dot(out, dot);
}

void put_id(Writer& out, const model::EntityId& id) {
  id.dot() != nullptr ? put_dot(out, *id.dot()) : out.bytes(id.external()->view());
}

void put_value(Writer& out, const model::Value& value) {
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
    for (const auto& item : *list) put_value(out, item);
  } else if (const auto* id = value.entity()) {
    out.tag(identifier_tag);
    put_id(out, *id);
  } else {
    out.null();
  }
}

void put_runs(Writer& out, const RunSet& runs) {
  out.array(runs.runs().size() * 2);
  for (const auto& run : runs.runs()) {
    out.uint(run.first);
    out.uint(run.last);
  }
}

void put_dot_set(Writer& out, const DotSet& set) {
  const auto streams = set.sorted();
  out.array(streams.size());
  for (const auto& [stream, runs] : streams) {
    out.array(4);
    out.bytes(stream.writer.author.view());
    out.uint(stream.writer.incarnation);
    out.uint(static_cast<std::uint64_t>(stream.cls));
    put_runs(out, runs);
  }
}

void put_fields(Writer& out, const std::vector<FieldState>& fields) {
  Stamps stamps;
  stamps.add(fields);
  stamps.sort();
  out.array(2);
  stamps.put(out);
  put_field_list(out, fields, stamps);
}

void put_entity(Writer& out, const EntityState& entity) {
  Stamps stamps;
  stamps.add(entity.first);
  stamps.add(entity.last);
  for (const auto& seen : entity.records) stamps.add(seen.first);
  for (const auto& stamp : entity.bare) stamps.add(stamp);
  stamps.add(entity.fields);
  stamps.sort();
  out.array(9);
  put_id(out, entity.id);
  stamps.put(out);
  entity.created ? out.uint(*entity.created) : out.null();
  out.array(entity.records.size());
  for (const auto& seen : entity.records) {
    out.array(2);
    out.uint(seen.record);
    out.uint(stamps.place_of(seen.first));
  }
  out.uint(stamps.place_of(entity.first));
  out.uint(stamps.place_of(entity.last));
  put_field_list(out, entity.fields, stamps);
  out.array(entity.bare.size());
  for (const auto& stamp : entity.bare) out.uint(stamps.place_of(stamp));
  put_dots(out, entity.waits);
}

Dot get_dot(Reader& in) {
  const auto at = in.offset();
  Dot dot;
  if (!expect(in, 4)) return dot;
  dot.writer.author = in.fixed<model::KeyId>();
  dot.writer.incarnation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  dot.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
  dot.seq = in.uint();
  if (in.ok() && dot.seq == 0) in.fail_at(DecodeFault::BadReference, at);
  return dot;
}

std::vector<Dot> get_dots(Reader& in, std::size_t max) {
  std::vector<Dot> dots;
  const auto count = in.array(max);
  dots.reserve(room_for(in, count));
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    dots.push_back(get_dot(in));
    if (in.ok() && i > 0 && !(dots[i - 1] < dots[i])) in.fail_at(DecodeFault::NotCanonical, at);
  }
  return dots;
}

model::EntityId get_id(Reader& in) {
  if (in.peek() == Kind::Bytes) return in.fixed<model::ExternalName>();
  return get_dot(in);
}

model::Value get_value(Reader& in, std::size_t depth) {
  const auto at = in.offset();
  const auto kind = in.peek();
  if (!kind || depth == 0) {
    in.fail(kind ? DecodeFault::TooDeep : DecodeFault::Truncated);
    return {};
  }
  switch (*kind) {
    case Kind::Uint:
    case Kind::Negative:
      return in.integer();
    case Kind::Bytes:
      return to_bytes(in.bytes(model::event_bytes_max));
    case Kind::Text:
      return in.text(model::event_bytes_max);
    case Kind::Array: {
      const auto count = in.array(model::event_bytes_max);
      model::Value::List list;
      list.reserve(room_for(in, count));
      for (std::size_t i = 0; i < count && in.ok(); ++i) list.push_back(get_value(in, depth - 1));
      return list;
    }
    case Kind::Tag:
      if (in.tag() != identifier_tag) in.fail_at(DecodeFault::WrongType, at);
      return get_id(in);
    case Kind::Simple:
      if (in.next_is_null()) {
        in.null();
        return {};
      }
      return in.boolean();
    case Kind::Map:
      break;
  }
  in.fail(DecodeFault::WrongType);
  return {};
}

RunSet get_runs(Reader& in) {
  RunSet runs;
  const auto at = in.offset();
  const auto count = in.array(list_max);
  if (count % 2 != 0) in.fail_at(DecodeFault::WrongType, at);
  for (std::size_t i = 0; i + 1 < count && in.ok(); i += 2) {
    const auto first = in.uint();
    const auto last = in.uint();
    if (in.ok() && !runs.append({first, last})) in.fail_at(DecodeFault::NotCanonical, at);
  }
  return runs;
}

void get_dot_set(Reader& in, DotSet& set) {
  const auto count = in.array(list_max);
  model::StreamId last;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    const auto at = in.offset();
    if (!expect(in, 4)) break;
    model::StreamId stream;
    stream.writer.author = in.fixed<model::KeyId>();
    stream.writer.incarnation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
    stream.cls = static_cast<model::Class>(in.uint(model::class_count - 1));
    auto runs = get_runs(in);
    if (i > 0 && !(last < stream)) in.fail_at(DecodeFault::NotCanonical, at);
    last = stream;
    if (in.ok()) set.put(stream, std::move(runs));
  }
}

std::vector<FieldState> get_fields(Reader& in, const DotSet* folded) {
  if (!expect(in, 2)) return {};
  auto stamps = get_stamps(in, folded);
  auto fields = get_field_list(in, stamps);
  if (in.ok() && !stamps.all_named()) in.fail(DecodeFault::NotCanonical);
  return fields;
}

void get_entity(Reader& in, EntityState& entity, const DotSet* folded) {
  if (!expect(in, 9)) return;
  entity.id = get_id(in);
  auto stamps = get_stamps(in, folded);
  if (in.next_is_null()) {
    in.null();
  } else {
    entity.created = static_cast<std::uint16_t>(in.uint(UINT16_MAX));
  }
  const auto records = in.array(list_max);
  entity.records.reserve(room_for(in, records));
  for (std::size_t i = 0; i < records && in.ok(); ++i) {
    const auto at = in.offset();
    if (!expect(in, 2)) return;
    RecordSeen seen;
    seen.record = static_cast<std::uint16_t>(in.uint(UINT16_MAX));
    seen.first = get_stamp_place(in, stamps);
    if (i > 0 && entity.records.back().record >= seen.record) in.fail_at(DecodeFault::NotCanonical, at);
    entity.records.push_back(std::move(seen));
  }
  entity.first = get_stamp_place(in, stamps);
  entity.last = get_stamp_place(in, stamps);
  entity.fields = get_field_list(in, stamps);
  const auto bare = in.array(list_max);
  for (std::size_t i = 0; i < bare && in.ok(); ++i) {
    const auto at = in.offset();
    entity.bare.push_back(get_stamp_place(in, stamps));
    if (in.ok() && i > 0 && !(entity.bare[i - 1]->dot < entity.bare[i]->dot)) in.fail_at(DecodeFault::NotCanonical, at);
  }
  entity.waits = get_dots(in, list_max);
  if (in.ok() && !stamps.all_named()) in.fail(DecodeFault::NotCanonical);
}

void get_entity_brief(Reader& in, RowBrief& brief) {
  if (!expect(in, 9)) return;
  in.skip();  // id
  struct Said {
    model::Hlc time;
    model::ClockQuality quality = model::ClockQuality::None;
  };
  std::vector<Said> said;
  const auto count = in.array(list_max);
  brief.dots.reserve(count);
  said.reserve(count);
  for (std::size_t i = 0; i < count && expect(in, 6); ++i) {
    brief.dots.push_back(get_dot(in));
    auto& stamp = said.emplace_back();
    stamp.time.packed = in.uint();
    stamp.quality = static_cast<model::ClockQuality>(in.uint(3));
    for (int rest = 0; rest < 3; ++rest) in.skip();  // person, way, source
  }
  for (int rest = 0; rest < 3; ++rest) in.skip();  // created, records, first
  const auto last = in.uint();
  if (last < brief.dots.size()) {
    brief.last = brief.dots[last];
    brief.last_time = said[last].time;
    brief.last_quality = said[last].quality;
  }
}

}  // namespace airbridge::picture
