#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "bearer/frame.hpp"
#include "bearer/payload.hpp"
#include "bearer/squeeze.hpp"
#include "bearer/wire.hpp"
#include "field_workload.hpp"
#include "sync/compact_position.hpp"
#include "sync_sizes.hpp"

namespace airbridge::bench {

using sync::CompactContext;
using sync::HeldVector;
using sync::WriterTable;

namespace {
constexpr std::size_t frame_bytes = 200;
// A fragment stands in a frame behind the frame's own bytes, the head of its data and its own.
constexpr std::size_t around_fragment = bearer::frame_overhead + bearer::data_head_bytes + bearer::fragment_head_bytes;
constexpr std::size_t in_frame = frame_bytes - around_fragment;
// A last value stands in a frame of its own kind.
constexpr std::size_t in_value_frame = frame_bytes - bearer::frame_overhead;
constexpr Milliseconds hour{3'600'000};
constexpr std::size_t run_entries_max = 16;    // a seal vouches for so many at most
constexpr std::size_t block_bytes = 6 * 1024;  // of messages in one burst

// A block in so many frames as it needs.
double framed(std::size_t bytes) {
  const auto frames = std::max<std::size_t>(1, (bytes + in_frame - 1) / in_frame);
  return static_cast<double>(bytes + frames * around_fragment);
}
// A message alone in its block, with its length before it.
double framed(const Bytes& message) {
  Bytes block;
  bearer::put_message(block, message);
  return framed(block.size());
}
double framed_value(const Bytes& message) { return static_cast<double>(message.size() + bearer::frame_overhead); }
// As a share of a burst: what is in a full frame.
double in_full_frames(double bytes) { return bytes * frame_bytes / in_frame; }

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "sync_sizes: %s\n", what);
  std::exit(1);
}

struct World {
  FieldOptions options;
  FieldAuthors authors;
  std::vector<FieldWritten> shared, apart;
  std::vector<model::Writer> writers;
  WriterTable table{{}};
  CompactContext context;
  HeldVector base;
  HeldVector now[2];

  World() : options(make_options()), authors(options) {
    shared = authors.write_until(options.start + 120 * hour);
    authors.workload().part(2);
    apart = authors.write_until(options.start + 144 * hour);
    for (const auto& one : shared) hold(base, one);
    now[0] = now[1] = base;
    for (const auto& one : apart) hold(now[one.node % 2], one);
    for (int node = 0; node < options.nodes; ++node) {
      writers.push_back(authors.writer(node));
      writers.push_back({authors.workload().operator_of(node), 0});
    }
    table = WriterTable(writers);
    context.table = &table;
    context.tables = [this](sync::WriterTag) { return std::vector<const WriterTable*>{&table}; };
    context.vector = [this](const sync::Digest&) { return &base; };
  }
  static FieldOptions make_options() {
    FieldOptions out;
    out.seed = 4;
    return out;
  }
  static void hold(HeldVector& vector, const FieldWritten& one) {
    vector[one.entry.stream] = {one.entry.seq, sync::head_start<4>(one.head)};
  }
};

sync::VectorMessage vector_of(const HeldVector& held, const HeldVector* base) {
  sync::VectorMessage out;
  out.all = sync::digest_of(held);
  if (base != nullptr) out.base = sync::numbers_digest_of(*base);
  for (const auto& [stream, one] : held) {
    if (base != nullptr && sync::held_of(*base, stream) == one.seq) continue;
    out.items.push_back({stream, one.seq, {}});
  }
  return out;
}

Bytes checked(const sync::Message& message, const CompactContext& context) {
  auto bytes = sync::encode_compact(message, context);
  if (!sync::decode_compact(bytes, context)) die("a message does not read back");
  return bytes;
}

void vectors(World& world, std::vector<SizeRow>& rows) {
  double full = 0, delta = 0;
  for (const auto& held : world.now) {
    full += framed(checked(sync::AskVector{}, world.context));
    full += framed(checked(vector_of(held, nullptr), world.context));
    const auto digest = sync::numbers_digest_of(world.base);
    delta += framed(checked(sync::AskVector{digest}, world.context));
    delta += framed(checked(vector_of(held, &world.base), world.context));
  }
  rows.push_back({"sync.vector_full_24h", full, "B", 400});
  rows.push_back({"sync.vector_delta_24h", delta, "B", 290});
}

void positions(World& world, std::vector<SizeRow>& rows) {
  const auto& work = world.authors.workload();
  auto context = world.context;
  const auto start = world.options.start + 144 * hour;
  std::map<sync::ObservationKey, Bytes> told;
  std::map<std::uint16_t, Bytes> known;
  for (int node = 0; node < world.options.nodes; ++node) {
    const auto full = work.position(node, start);
    told[sync::key_of(full)] = model::encode(full);
    known[sync::tag_of(full)] = model::encode(full);
  }
  context.now = start + Milliseconds(10'000);
  context.told = [&](const sync::ObservationKey& key) { return ByteView(told.at(key)); };
  context.known = [&](std::uint16_t tag) { return std::vector<ByteView>{known.at(tag)}; };
  const auto fresh = [&](int node) { return model::encode(work.position(node, context.now)); };
  const auto single = checked(sync::LastValues{{fresh(7)}}, context);
  rows.push_back({"sync.position_single", framed_value(single), "B", 27});
  sync::LastValues many;
  while (checked(many, context).size() + sync::short_position_bytes <= in_value_frame) {
    many.observations.push_back(fresh(static_cast<int>(many.observations.size())));
  }
  rows.push_back({"sync.position_gathered",
                  framed_value(checked(many, context)) / static_cast<double>(many.observations.size()), "B", 16});
  rows.push_back({"sync.position_in_full", static_cast<double>(fresh(7).size()), "B", 0});
}

struct Sums {
  std::size_t events = 0, bytes = 0, packed = 0, dense = 0, mixed = 0, canonical = 0;
};

// The backlog of one half in bursts: runs of up to 16 events of a stream, class after class.
void backlog(World& world, std::vector<SizeRow>& rows) {
  const bearer::DictionarySqueezer squeezer(sync::dense_bytes_of), mixing;
  Sums sums[model::class_count], total;
  Bytes block, canonical_block;
  std::size_t canonical = 0;
  for (int cls = 0; cls < model::class_count; ++cls) {
    std::map<model::StreamId, std::vector<const FieldWritten*>> streams;
    for (const auto& one : world.apart) {
      if (one.node % 2 == 0 && static_cast<int>(one.entry.stream.cls) == cls) {
        streams[one.entry.stream].push_back(&one);
      }
    }
    auto& sum = sums[cls];
    const auto flush = [&] {
      if (block.empty()) return;
      const auto squeezed = squeezer.compress(block);
      if (squeezer.decompress(squeezed, bearer::squeezed_block_max) != block) die("a block does not read back");
      sum.packed += std::min(squeezed.size(), block.size());
      sum.mixed += mixing.compress(block).size();
      sum.canonical += mixing.compress(canonical_block).size();
      block.clear();
      canonical_block.clear();
    };
    for (const auto& [stream, events] : streams) {
      for (std::size_t at = 0; at < events.size(); at += run_entries_max) {
        std::vector<model::Entry> entries;
        const auto end = std::min(events.size(), at + run_entries_max);
        for (auto i = at; i < end; ++i) entries.push_back(events[i]->entry);
        const auto& seal = events[end - 1]->seal;
        const auto message = sync::encode_compact_run(stream, entries, &seal, true, world.context);
        const auto read = sync::decode_compact(message, world.context);
        if (!read || std::get<sync::Run>(std::get<sync::Message>(read->message)).entries != entries) {
          die("a run does not read back");
        }
        const auto on_stream = sync::encode_run(stream, entries, &seal, true);
        canonical += on_stream.size();
        canonical_block.insert(canonical_block.end(), on_stream.begin(), on_stream.end());
        sum.events += entries.size();
        sum.bytes += message.size();
        sum.dense += sync::dense_bytes_of(message);
        bearer::put_length(block, message.size());
        block.insert(block.end(), message.begin(), message.end());
        if (block.size() >= block_bytes) flush();
      }
    }
    flush();
    total.events += sum.events, total.bytes += sum.bytes, total.packed += sum.packed, total.dense += sum.dense;
    total.mixed += sum.mixed, total.canonical += sum.canonical;
  }
  const auto per_event = [&](double bytes) { return bytes / static_cast<double>(total.events); };
  rows.push_back({"sync.backlog_event", in_full_frames(per_event(static_cast<double>(total.packed))), "B", 40});
  rows.push_back({"sync.backlog_event_on_stream", per_event(static_cast<double>(canonical)), "B", 0});
  rows.push_back({"sync.backlog_event_uncompressed", per_event(static_cast<double>(total.bytes)), "B", 0});
  rows.push_back({"sync.backlog_event_not_apart", in_full_frames(per_event(static_cast<double>(total.mixed))), "B", 0});
  rows.push_back(
      {"sync.backlog_event_canonical_zstd", in_full_frames(per_event(static_cast<double>(total.canonical))), "B", 0});
  rows.push_back({"sync.backlog_event_dense", per_event(static_cast<double>(total.dense)), "B", 0});
  static constexpr const char* names[] = {"urgent", "important", "routine"};
  for (int cls = 0; cls < model::class_count; ++cls) {
    const auto& sum = sums[cls];
    rows.push_back({std::string("sync.events_") + names[cls], static_cast<double>(sum.events), "events", 0});
    rows.push_back({std::string("sync.event_bytes_") + names[cls],
                    in_full_frames(static_cast<double>(sum.packed) / static_cast<double>(sum.events)), "B", 0});
  }
}

// One event as it happens: a frame of its own, or two.
void live(World& world, std::vector<SizeRow>& rows) {
  const bearer::DictionarySqueezer squeezer(sync::dense_bytes_of);
  double sum[model::class_count] = {};
  int count[model::class_count] = {};
  for (const auto& one : world.apart) {
    const auto message = sync::encode_compact_run(one.entry.stream, {&one.entry, 1}, &one.seal, true, world.context);
    Bytes block;
    bearer::put_length(block, message.size());
    block.insert(block.end(), message.begin(), message.end());
    const auto cls = static_cast<std::size_t>(one.entry.stream.cls);
    sum[cls] += framed(std::min(block.size(), squeezer.compress(block).size()));
    ++count[cls];
  }
  rows.push_back({"sync.live_routine_event", sum[2] / count[2], "B", 130});
  rows.push_back({"sync.live_important_event", sum[1] / count[1], "B", 0});
  rows.push_back({"sync.live_urgent_event", sum[0] / count[0], "B", 0});
}
}  // namespace

std::array<double, model::class_count> backlog_bytes(const FieldAuthors& authors,
                                                     const std::vector<FieldWritten>& apart) {
  std::vector<model::Writer> writers;
  for (int node = 0; node < authors.nodes(); ++node) writers.push_back(authors.writer(node));
  for (int node = 0; node < authors.nodes(); ++node) writers.push_back({authors.operator_of(node), 0});
  const WriterTable table(writers);
  CompactContext context;
  context.table = &table;
  const bearer::DictionarySqueezer squeezer(sync::dense_bytes_of);
  std::array<double, model::class_count> sums{};
  for (int half = 0; half < 2; ++half) {
    std::map<model::StreamId, std::vector<const FieldWritten*>> streams;
    for (const auto& one : apart) {
      if (one.node % 2 == half) streams[one.entry.stream].push_back(&one);
    }
    Bytes blocks[model::class_count];
    const auto flush = [&](std::size_t cls) {
      if (!blocks[cls].empty()) sums[cls] += static_cast<double>(squeezer.compress(blocks[cls]).size());
      blocks[cls].clear();
    };
    for (const auto& [stream, events] : streams) {
      const auto cls = static_cast<std::size_t>(stream.cls);
      for (std::size_t at = 0; at < events.size(); at += run_entries_max) {
        std::vector<model::Entry> entries;
        const auto end = std::min(events.size(), at + run_entries_max);
        for (auto i = at; i < end; ++i) entries.push_back(events[i]->entry);
        const auto message = sync::encode_compact_run(stream, entries, &events[end - 1]->seal, true, context);
        bearer::put_length(blocks[cls], message.size());
        blocks[cls].insert(blocks[cls].end(), message.begin(), message.end());
        if (blocks[cls].size() >= block_bytes) flush(cls);
      }
    }
    for (std::size_t cls = 0; cls < model::class_count; ++cls) flush(cls);
  }
  return sums;
}

std::vector<SizeRow> sync_sizes() {
  World world;
  std::vector<SizeRow> rows;
  vectors(world, rows);
  positions(world, rows);
  backlog(world, rows);
  live(world, rows);
  return rows;
}

}  // namespace airbridge::bench
