#include "sync/compact_vector.hpp"

#include <algorithm>

#include "sync/limits.hpp"

namespace airbridge::sync::compact {

using model::DecodeFault;
using model::StreamId;

namespace {
// The byte a vector begins with.
enum : std::uint8_t {
  as_list = 0,
  has_base = 1,
  has_all = 2,
  has_heads = 4,
  as_columns = 8,
  as_steps = 16,
  vector_flags = 31
};
// Below the count of a list.
constexpr std::uint64_t list_heads = 1, list_others = 2;
constexpr unsigned list_shift = 2;

bool all_have_heads(const std::vector<VectorItem>& items) {
  return !items.empty() && std::all_of(items.begin(), items.end(),
                                       [](const VectorItem& item) { return item.seq == 0 || item.head.has_value(); });
}
void put_head(Bytes& out, const VectorItem& item, bool heads) {
  if (heads && item.seq != 0) put_bytes(out, item.head.value_or(Head4{}));
}
void get_head(In& in, VectorItem& item, bool heads) {
  if (heads && item.seq != 0) item.head = in.array<Head4>();
}

// Each stream once, ascending; of several the last stands, as it would when read one after the other.
std::vector<VectorItem> sorted(const std::vector<VectorItem>& items) {
  std::map<StreamId, const VectorItem*> by_stream;
  for (const auto& item : items) by_stream[item.stream] = &item;
  std::vector<VectorItem> out;
  out.reserve(by_stream.size());
  for (const auto& [stream, item] : by_stream) out.push_back(*item);
  return out;
}

// Streams neither table nor base knows: written out.
void put_others(Bytes& out, const std::vector<VectorItem>& others, const WriterTable* table, bool heads) {
  put_number(out, others.size());
  for (const auto& item : others) {
    put_stream(out, table, item.stream);
    put_number(out, item.seq);
    put_head(out, item, heads);
  }
}
void get_others(In& in, std::vector<VectorItem>& items, const WriterTable* table, bool heads) {
  const auto count = in.number(vector_streams_max);
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    VectorItem item;
    item.stream = get_stream(in, table);
    item.seq = in.number();
    get_head(in, item, heads);
    items.push_back(item);
  }
}

// Where the persons of a table stand no streams are held: the columns leave them out.
std::vector<std::size_t> devices_of(const WriterTable& table) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < table.writers().size(); ++i) {
    if (table.writers()[i].incarnation != 0) out.push_back(i);
  }
  return out;
}

// One column of numbers a class, over all devices of the table; 0: nothing is held.
std::vector<VectorItem> put_columns(Bytes& out, const std::vector<VectorItem>& items, const WriterTable& table,
                                    bool heads) {
  const auto devices = devices_of(table);
  std::vector<VectorItem> others, said;
  std::array<std::vector<std::uint64_t>, model::class_count> columns;
  for (auto& column : columns) column.resize(devices.size());
  for (const auto& item : items) {
    const auto index = table.index_of(item.stream.writer);
    if (!index || item.stream.writer.incarnation == 0 || item.stream.is_branch() || item.seq == 0) {
      others.push_back(item);
    } else {
      const auto row = std::lower_bound(devices.begin(), devices.end(), *index) - devices.begin();
      columns[static_cast<std::size_t>(item.stream.cls)][static_cast<std::size_t>(row)] = item.seq;
      said.push_back(item);
    }
  }
  Bytes packed;
  BitWriter bits(packed);
  for (const auto& column : columns) put_column(out, bits, column);
  put_bytes(out, packed);
  for (const auto& item : said) put_head(out, item, heads);
  return others;
}

void get_columns(In& in, std::vector<VectorItem>& items, const WriterTable& table, bool heads) {
  // The three mode bytes stand before the bits of all.
  const auto modes = in.bytes(model::class_count);
  BitReader bits(in);
  const auto devices = devices_of(table);
  std::array<std::vector<std::uint64_t>, model::class_count> columns;
  for (std::size_t c = 0; c < modes.size(); ++c) {
    In mode(modes.subspan(c, 1));
    columns[c] = get_column(mode, bits, devices.size());
    if (!mode.ok()) in.fail(mode.fault()->fault);
  }
  if (!in.ok()) return;
  for (std::size_t row = 0; row < devices.size(); ++row) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (columns[c][row] == 0) continue;
      items.push_back({{table.writers()[devices[row]], static_cast<model::Class>(c), {}}, columns[c][row], {}});
    }
  }
  for (auto& item : items) get_head(in, item, heads);
}

// Which streams of the base have grown, as a map of bits, and by how much.
std::vector<VectorItem> put_steps(Bytes& out, const std::vector<VectorItem>& items, const HeldVector& base,
                                  bool heads) {
  std::vector<VectorItem> others, said;
  std::vector<std::uint64_t> steps;
  Bytes packed;
  BitWriter bits(packed);
  auto item = items.begin();
  for (const auto& [stream, held] : base) {
    for (; item != items.end() && item->stream < stream; ++item) others.push_back(*item);
    const bool here = item != items.end() && item->stream == stream;
    const bool grown = here && item->seq > held.seq;
    bits.bits(grown ? 1 : 0, 1);
    if (grown) {
      steps.push_back(item->seq - held.seq - 1);
      said.push_back(*item);
    } else if (here) {
      others.push_back(*item);
    }
    if (here) ++item;
  }
  others.insert(others.end(), item, items.end());
  put_column(out, bits, steps);
  put_bytes(out, packed);
  for (const auto& one : said) put_head(out, one, heads);
  return others;
}

void get_steps(In& in, std::vector<VectorItem>& items, const HeldVector& base, bool heads) {
  const auto mode = in.bytes(1);
  BitReader bits(in);
  for (const auto& [stream, held] : base) {
    if (bits.bits(1) != 0) items.push_back({stream, held.seq, {}});
    if (!in.ok()) return;
  }
  In mode_in(mode);
  const auto steps = get_column(mode_in, bits, items.size());
  if (!mode_in.ok()) in.fail(mode_in.fault()->fault);
  if (!in.ok()) return;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (steps[i] >= UINT64_MAX - items[i].seq) return in.fail(DecodeFault::OutOfRange);
    items[i].seq += steps[i] + 1;
  }
  for (auto& item : items) get_head(in, item, heads);
}

}  // namespace

void put_vector(Bytes& out, const VectorMessage& message, const WriterTable* table, const HeldVector* base) {
  const auto items = sorted(message.items);
  const bool heads = all_have_heads(items);
  const auto form = message.base && base != nullptr     ? as_steps
                    : !message.base && table != nullptr ? as_columns
                                                        : as_list;
  out.push_back(static_cast<std::uint8_t>((message.base ? has_base : 0) | (message.all ? has_all : 0) |
                                          (heads ? has_heads : 0) | form));
  if (message.base) put_bytes(out, *message.base);
  if (message.all) put_bytes(out, *message.all);
  if (form == as_list) return put_items(out, items, table);
  const auto others = form == as_steps ? put_steps(out, items, *base, heads) : put_columns(out, items, *table, heads);
  put_others(out, others, table, heads);
}

VectorMessage get_vector(In& in, const WriterTable* table,
                         const std::function<const HeldVector*(const Digest&)>& base_of, bool& unknown_base) {
  VectorMessage message;
  const auto flags = in.byte();
  const bool steps = (flags & as_steps) != 0, columns = (flags & as_columns) != 0, heads = (flags & has_heads) != 0;
  if (flags > vector_flags || (steps && columns) || (steps && (flags & has_base) == 0)) {
    in.fail(DecodeFault::OutOfRange);
  }
  if (columns && table == nullptr) in.fail(DecodeFault::BadReference);
  if ((flags & has_base) != 0) message.base = in.array<Digest>();
  if ((flags & has_all) != 0) message.all = in.array<Digest>();
  if (!in.ok()) return {};
  if (!steps && !columns) {
    message.items = get_items(in, table);
    return message;
  }
  if (steps) {
    const auto* base = base_of ? base_of(*message.base) : nullptr;
    if (base == nullptr) {
      unknown_base = true;
      return {};
    }
    get_steps(in, message.items, *base, heads);
  } else {
    get_columns(in, message.items, *table, heads);
  }
  get_others(in, message.items, table, heads);
  message.items = sorted(message.items);
  return message;
}

void put_items(Bytes& out, const std::vector<VectorItem>& all, const WriterTable* table) {
  const auto items = sorted(all);
  const bool heads = all_have_heads(items);
  std::vector<VectorItem> others;
  std::vector<std::pair<std::uint64_t, const VectorItem*>> known;
  for (const auto& item : items) {
    const auto index = table != nullptr ? table->index_of(item.stream.writer) : std::nullopt;
    if (index && !item.stream.is_branch()) {
      known.emplace_back(*index * model::class_count + static_cast<std::uint64_t>(item.stream.cls), &item);
    } else {
      others.push_back(item);
    }
  }
  put_number(out, static_cast<std::uint64_t>(known.size()) << list_shift | (heads ? list_heads : 0) |
                      (others.empty() ? 0 : list_others));
  std::uint64_t next = 0;
  for (const auto& [place, item] : known) {
    put_number(out, place - next);
    put_number(out, item->seq);
    put_head(out, *item, heads);
    next = place + 1;
  }
  if (!others.empty()) put_others(out, others, table, heads);
}

std::vector<VectorItem> get_items(In& in, const WriterTable* table) {
  std::vector<VectorItem> items;
  const auto first = in.number(static_cast<std::uint64_t>(vector_streams_max) << list_shift | 3);
  const bool heads = (first & list_heads) != 0;
  const auto streams = table == nullptr ? 0 : table->writers().size() * model::class_count;
  std::uint64_t place = 0;
  for (std::uint64_t i = 0; i < first >> list_shift && in.ok(); ++i) {
    place += in.number(writer_table_max * model::class_count);
    if (place >= streams) in.fail(DecodeFault::BadReference);
    VectorItem item;
    item.seq = in.number();
    get_head(in, item, heads);
    if (!in.ok()) break;
    item.stream.writer = table->writers()[place / model::class_count];
    item.stream.cls = static_cast<model::Class>(place % model::class_count);
    items.push_back(item);
    ++place;
  }
  if ((first & list_others) != 0) get_others(in, items, table, heads);
  return sorted(items);
}

}  // namespace airbridge::sync::compact
