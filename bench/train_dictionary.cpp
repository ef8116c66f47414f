// Makes a dictionary for bearer/squeeze.hpp from the synthetic workload:
//
//   train_dictionary FILE
//
// Samples are what squeeze compresses: the plain parts of runs as nodes send them, some of one event, most of several,
// from incidents with seeds 9001 and up (the figures of `./dev bench sync` use others) and without the rare words.
// Fixed seeds, so that the same build writes the same file. A file that was published is never written again: make the
// next number, add it to squeeze.cpp and keep the old one.
#include <fmt/format.h>
#define ZDICT_STATIC_LINKING_ONLY  // the slower and better trainer
#include <zdict.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <vector>

#include "field_workload.hpp"
#include "sync/compact.hpp"

using namespace airbridge;  // NOLINT

namespace {
constexpr std::size_t dictionary_bytes = 16 * 1024;
constexpr int incidents = 24;

struct Samples {
  Bytes bytes;
  std::vector<std::size_t> sizes;
  void add(ByteView message) {
    const auto plain = message.first(message.size() - sync::dense_bytes_of(message));
    // The two lengths before it.
    bytes.push_back(static_cast<std::uint8_t>(plain.size()));
    if (plain.size() >= 128) {
      bytes.back() |= 0x80;
      bytes.push_back(static_cast<std::uint8_t>(plain.size() >> 7));
    }
    bytes.push_back(static_cast<std::uint8_t>(message.size() - plain.size()));
    bytes.insert(bytes.end(), plain.begin(), plain.end());
    sizes.push_back(plain.size() + (plain.size() >= 128 ? 3 : 2));
  }
};

// A TAK client's report as clients write it, with made-up names.
model::Observation tak_client(Rng& rng, const model::Observation& like, bool with_document) {
  static constexpr const char* types[] = {"a-f-G-U-C", "a-f-G-E-V", "a-f-A-M-H", "a-f-A-C-F", "a-f-S"};
  static constexpr const char* teams[] = {"Cyan", "Green", "Yellow", "Orange", "Red", "White", "Blue"};
  static constexpr const char* roles[] = {"Team Member", "Team Lead", "HQ", "Medic", "RTO", "K9"};
  auto out = like;
  const auto uid = fmt::format("ANDROID-{:016x}", rng());
  out.subject = model::external_name("tak", uid);
  out.kind = model::SubjectKind::Person;
  out.via = model::Via::Tak;
  out.source = uid;
  out.type = types[rng.below(std::size(types))];
  out.team = teams[rng.below(std::size(teams))];
  out.role = roles[rng.below(std::size(roles))];
  out.battery_percent = static_cast<int>(rng.below(101));
  if (!with_document) return out;
  const auto xml = fmt::format(
      "<event version=\"2.0\" uid=\"{}\" type=\"{}\" how=\"m-g\" time=\"2026-03-14T09:{:02}:{:02}.000Z\" "
      "start=\"2026-03-14T09:{:02}:{:02}.000Z\" stale=\"2026-03-14T10:{:02}:{:02}.000Z\"><point lat=\"{:.7f}\" "
      "lon=\"{:.7f}\" hae=\"{:.1f}\" ce=\"9999999.0\" le=\"9999999.0\"/><detail><takv os=\"29\" version=\"4.8.1\" "
      "device=\"\" platform=\"ATAK-CIV\"/><contact callsign=\"{}\" endpoint=\"*:-1:stcp\"/><uid Droid=\"{}\"/>"
      "<precisionlocation geopointsrc=\"GPS\" altsrc=\"GPS\"/><__group name=\"{}\" role=\"{}\"/><status "
      "battery=\"{}\"/><track course=\"{:.1f}\" speed=\"{:.1f}\"/></detail></event>",
      uid, out.type, rng.below(60), rng.below(60), rng.below(60), rng.below(60), rng.below(60), rng.below(60),
      out.position.latitude.degrees(), out.position.longitude.degrees(), out.height->above().value, out.callsign, uid,
      out.team, out.role, *out.battery_percent, out.course->degrees(), out.speed->value);
  out.document = to_bytes(as_bytes(xml));
  return out;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "train_dictionary FILE\n"), 2;
  Samples samples;
  for (int i = 0; i < incidents; ++i) {
    bench::FieldOptions options;
    options.seed = 9001 + static_cast<std::uint64_t>(i);
    options.nodes = 8 + i % 5 * 10;
    options.rare_words = false;
    bench::FieldAuthors authors(options);
    std::vector<model::Writer> writers;
    for (int node = 0; node < options.nodes; ++node) {
      writers.push_back(authors.writer(node));
      writers.push_back({authors.workload().operator_of(node), 0});
    }
    const sync::WriterTable table(writers);
    sync::CompactContext context;
    Rng rng(options.seed);
    context.table = &table;
    std::map<model::StreamId, std::vector<model::Entry>> waiting;
    std::map<model::StreamId, std::size_t> wanted;
    for (auto& written : authors.write_until(options.start + Milliseconds(3 * 3'600'000))) {
      auto& run = waiting[written.entry.stream];
      auto& count = wanted[written.entry.stream];
      if (run.empty()) count = rng.chance(0.4) ? 1 : 2 + rng.below(8);
      run.push_back(written.entry);
      if (run.size() < count) continue;
      samples.add(sync::encode_compact_run(written.entry.stream, run, &written.seal, true, context));
      run.clear();
    }
    for (int node = 0; node < options.nodes; ++node) {
      const auto seen = authors.workload().position(node, options.start + Milliseconds(node * 777));
      samples.add(sync::encode_compact(sync::LastValues{{model::encode(seen)}}, context));
      const auto client = tak_client(rng, seen, node % 4 == 0);
      samples.add(sync::encode_compact(sync::LastValues{{model::encode(client)}}, context));
    }
  }
  Bytes out(dictionary_bytes);
  ZDICT_cover_params_t parameters = {};
  parameters.d = 6;
  parameters.steps = 20;
  parameters.splitPoint = 0.8;
  parameters.zParams.compressionLevel = 19;
  const auto size =
      ZDICT_optimizeTrainFromBuffer_cover(out.data(), out.size(), samples.bytes.data(), samples.sizes.data(),
                                          static_cast<unsigned>(samples.sizes.size()), &parameters);
  if (ZDICT_isError(size) != 0) return std::fprintf(stderr, "%s\n", ZDICT_getErrorName(size)), 1;
  std::ofstream file(argv[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(out.data()), static_cast<std::streamsize>(size));
  std::printf("%zu samples, %zu bytes, a dictionary of %zu bytes\n", samples.sizes.size(), samples.bytes.size(), size);
  return file ? 0 : 1;
}
