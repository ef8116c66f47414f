// The way of events from one log to another in a file.
#include <doctest/doctest.h>

#include <algorithm>

#include "bundle/test_bundle.hpp"

using namespace airbridge;
using namespace airbridge::bundle;
using namespace airbridge::bundle::test;
using model::Class;

TEST_CASE("what one log holds is in the other after a bundle, and a second reading brings nothing") {
  Site a(1), b(2);
  a.write(Class::Urgent, 3);
  a.write(Class::Routine, 50);
  const auto files = write(a);
  REQUIRE(files.size() == 1);
  const auto first = read(b, files[0]);
  REQUIRE(first.head);
  CHECK(first.head->is_signed);
  CHECK(first.head->writer_name == "POST 1");
  CHECK(first.head->incident_name == "Valley fire");
  CHECK(first.tally.events_new == 53);
  CHECK(first.tally.events_known == 0);
  CHECK(first.tally.authors.size() == 1);
  CHECK(first.tally.new_by_class[0] == 3);
  CHECK(first.damages.empty());
  REQUIRE(first.end);
  CHECK(first.end->events == 53);
  CHECK_FALSE(first.end->more_parts);
  CHECK(b.log.vector() == a.log.vector());

  const auto second = read(b, files[0]);
  CHECK(second.tally.events_new == 0);
  CHECK(second.tally.events_known == 53);
}

TEST_CASE("a bundle is read in whatever pieces it comes") {
  Site a(1);
  a.write(Class::Important, 200, 300);
  const auto file = write(a)[0];
  for (const std::size_t piece : {1, 7, 100, 100'000'000}) {
    CAPTURE(piece);
    Site b(2);
    CHECK(read(b, file, piece).tally.events_new == 200);
  }
}

TEST_CASE("urgent events come first, then important ones, then the rest") {
  Site a(1);
  a.write(Class::Routine, 400, 2000);
  a.write(Class::Important, 100, 2000);
  a.write(Class::Urgent, 5, 2000);
  Reader reader;
  reader.feed(write(a)[0]);
  reader.finish();
  int highest = 0;
  std::uint64_t runs = 0;
  while (auto item = reader.next()) {
    const auto* frames = std::get_if<Frames>(&*item);
    if (frames == nullptr) continue;
    sync::FrameReader cut;
    cut.feed(frames->frames, [&](std::uint8_t type, ByteView payload, std::uint64_t) {
      const auto message = sync::decode(type, payload);
      REQUIRE(message);
      if (const auto* run = std::get_if<sync::Run>(&std::get<sync::Message>(*message))) {
        CHECK(static_cast<int>(run->stream.cls) >= highest);
        highest = static_cast<int>(run->stream.cls);
        ++runs;
      }
      return true;
    });
  }
  CHECK(highest == 2);
  CHECK(runs > 20);
}

TEST_CASE("a bundle since a vector holds what is beyond it, and says so when something before is missing") {
  Site a(1), b(2), c(3);
  a.write(Class::Important, 10);
  const auto first = write(a)[0];
  const auto held = read(b, first).head->holds;
  a.write(Class::Important, 5);
  const auto later = write(a, held)[0];
  CHECK(later.size() < first.size() + 200);
  CHECK(read(b, later).tally.events_new == 5);
  CHECK(b.log.vector() == a.log.vector());

  const auto lacking = read(c, later);
  CHECK(lacking.tally.events_new == 0);
  REQUIRE(lacking.tally.gaps.size() == 1);
  CHECK(lacking.tally.gaps.begin()->second.here == 0);
  CHECK(lacking.tally.gaps.begin()->second.first == 11);
  CHECK(read(c, first).tally.events_new == 10);
  CHECK(read(c, later).tally.events_new == 5);
}

TEST_CASE("the less urgent can be left at home") {
  Site a(1), b(2);
  a.write(Class::Urgent, 2);
  a.write(Class::Important, 3);
  a.write(Class::Routine, 4);
  const auto reading = read(b, write(a, {}, 0, Class::Important)[0]);
  CHECK(reading.head->class_max == Class::Important);
  CHECK(reading.tally.events_new == 5);
}

TEST_CASE("parts stay within their size, and each is of use alone and in any order") {
  Site a(1);
  // Random enough that it does not pack.
  std::vector<Site> others;
  std::uint32_t seed = 1;
  for (std::uint8_t n = 10; n < 40; ++n) {
    others.emplace_back(n);
    for (int i = 0; i < 40; ++i) {
      seed = seed * 1664525 + 1013904223;
      others.back().write(Class::Routine, 1, 300, static_cast<std::uint8_t>(seed >> 24));
    }
    Site& other = others.back();
    for (const auto& run : other.log.runs_after({{other.key.id(), 1}, Class::Routine, {}}, 0, 1 << 30))
      a.log.append(run);
    a.log.add_key(other.key.public_key());
  }
  a.write(Class::Urgent, 600, 5000);
  const auto files = write(a, {}, file_bytes_min);
  for (const auto& file : files) CHECK(file.size() <= file_bytes_min);
  Site backwards(2);
  std::uint64_t brought = 0;
  for (auto it = files.rbegin(); it != files.rend(); ++it) brought += read(backwards, *it).tally.events_new;
  CHECK(brought > 0);
  for (const auto& file : files) brought += read(backwards, file).tally.events_new;
  CHECK(brought == 600 + 30 * 40);
  CHECK(backwards.log.vector() == a.log.vector());
}

TEST_CASE("parts read in their order leave nothing out, and the end of each says whether another follows") {
  Site a(1), b(2);
  std::uint64_t seed = 1;
  int together = 0;
  SUBCASE("each event sealed") { together = 1; }
  SUBCASE("forty sealed together") { together = 40; }
  SUBCASE("a hundred and fifty sealed together") { together = 150; }
  // Noise, so that nothing packs and there are several parts.
  for (int i = 0; i < 900; i += together) a.noise(seed, together);
  a.write(Class::Routine, 900, 100);
  const auto files = write(a, {}, file_bytes_min);
  REQUIRE(files.size() > 3);
  std::uint64_t brought = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    CAPTURE(i);
    CHECK(files[i].size() <= (together < 100 ? file_bytes_min : 2 * file_bytes_min));
    const auto reading = read(b, files[i]);
    CHECK(reading.tally.gaps.empty());
    CHECK(reading.tally.unsealed == 0);
    CHECK(reading.head->part == i + 1);
    CHECK(reading.end->more_parts == (i + 1 < files.size()));
    CHECK(reading.end->events == reading.tally.events_new);
    brought += reading.tally.events_new;
  }
  CHECK(brought == a.log.vector().begin()->second + 900);
  CHECK(b.log.vector() == a.log.vector());
}

TEST_CASE("an event that fits into no frame's aim goes whole, and a run that does in several frames") {
  Site a(1), b(2);
  a.write(Class::Important, 2, model::event_bytes_max);
  for (int i = 0; i < 15; ++i) a.log.write(a.key, Class::Important, 60'000, 1, false);
  a.write(Class::Important, 1, 60'000);
  CHECK(read(b, write(a)[0]).tally.events_new == 18);
  CHECK(b.log.vector() == a.log.vector());
}

TEST_CASE("a node's own bundle brings back what its disk lost, under a new incarnation") {
  Site a(1);
  a.write(Class::Important, 8);
  const auto file = write(a)[0];
  Site restored(1);
  restored.write(Class::Important, 3);
  const auto told = read(restored, file);
  CHECK(told.tally.events_new == 0);
  bool ahead = false;
  for (const auto& output : told.seen) ahead |= std::holds_alternative<sync::OwnStreamAhead>(output);
  CHECK(ahead);
  restored.log.set_own({restored.key.id(), 2});
  CHECK(read(restored, file).tally.events_new == 5);
}

TEST_CASE("two contents under one number are found from a bundle, and both are kept") {
  Site a(1), b(1), reader(2), writer(3);
  a.write(Class::Important, 4);
  b.write(Class::Important, 4);
  a.write(Class::Important, 3, 40, 1);
  b.write(Class::Important, 6, 40, 2);
  read(reader, write(a)[0]);
  const auto found = read(reader, write(b)[0]);
  CHECK(found.tally.events_new == 6);
  CHECK(found.tally.forked.size() == 1);
  CHECK(read(reader, write(b)[0]).tally.events_new == 0);
  // Told on in a bundle, both sides arrive.
  const auto passed = read(writer, write(reader)[0]);
  CHECK(passed.tally.refused.empty());
  Site other(4);
  read(other, write(b)[0]);
  read(other, write(a)[0]);
  CHECK(sync::cut_at_forks(other.log.vector(), other.log) == sync::cut_at_forks(reader.log.vector(), reader.log));
}

TEST_CASE("a private part that stayed home comes with a bundle, alone and once") {
  Site a(1), b(2);
  const model::StreamId stream{a.log.own_writer(), Class::Important, {}};
  const auto write_private = [&](int together) {
    model::SealedRun run;
    auto seq = sync::held_of(a.log.vector(), stream);
    auto head = *a.log.chain_at(stream, seq);
    for (int k = 0; k < together; ++k) {
      model::Entry entry{stream, ++seq, Bytes(30, 7),
                         model::PrivatePart::here(Bytes(50, static_cast<std::uint8_t>(seq)))};
      head = model::chain_next(head, entry);
      run.entries.push_back(std::move(entry));
    }
    run.seal = trust::make_seal(a.key, incident, stream, seq, head);
    REQUIRE(a.log.append(run));
  };
  write_private(1);
  write_private(4);
  a.write(Class::Important, 2);
  // They came over a channel that may not be encrypted.
  b.log.add_key(a.key.public_key());
  for (auto run : a.log.runs_after(stream, 0, 1 << 20)) {
    for (auto& entry : run.entries) {
      if (entry.private_part.state == model::PrivatePart::State::Here)
        entry.private_part = model::PrivatePart::withheld(entry.private_part.hash);
    }
    REQUIRE(b.log.append(run));
  }
  REQUIRE(b.log.vector() == a.log.vector());
  const auto dot = [&](std::uint64_t seq) { return model::Dot{stream.writer, stream.cls, seq}; };
  const std::vector<model::Dot> lacks{dot(1), dot(2), dot(3), dot(4), dot(5)};
  const auto here = [&](const Site& site) {
    return std::ranges::count_if(site.log.entries(stream), [](const auto& entry) {
      return entry.private_part.state == model::PrivatePart::State::Here;
    });
  };
  REQUIRE(here(b) == 0);

  // What b holds and lacks, as its head says it.
  auto asking = b.head();
  asking.lacks = lacks;
  for (const auto& [id, seq] : b.log.vector()) asking.holds[id] = {seq, {}};
  Reader reader;
  reader.feed(begin_file(asking, b.sign()));
  const auto item = reader.next();
  REQUIRE(item);
  const auto heard = std::get<Head>(*item);
  CHECK(heard.is_signed);
  CHECK(heard.lacks == lacks);

  const auto answer = [&](const Site& site) {
    auto head = site.head();
    head.since = heard.holds;
    Source source(site.log, head, 0, site.sign(), heard.lacks);
    CHECK(source.events_total() == 0);
    Bytes file;
    for (bool ends = false; !ends;) {
      const auto piece = source.next();
      file.insert(file.end(), piece.bytes.begin(), piece.bytes.end());
      ends = piece.ends_all;
    }
    return std::pair(file, source.written().private_parts);
  };
  const auto [file, parts] = answer(a);
  CHECK(parts == 5);
  CHECK(answer(b).second == 0);  // who has none brings none
  const std::set<model::Dot> lacking(lacks.begin(), lacks.end());

  SUBCASE("whoever looks for none takes none") {
    CHECK(read(b, file).tally.private_parts == 0);
    CHECK(here(b) == 0);
  }
  SUBCASE("each is taken, and known when it comes again") {
    const auto first = read(b, file, 4096, {}, lacking);
    CHECK(first.tally.private_parts == 5);
    CHECK(first.tally.events_new == 0);
    CHECK(first.tally.refused.empty());
    CHECK(here(b) == 5);
    CHECK(b.log.vector() == a.log.vector());
    CHECK(b.log.entries(stream) == a.log.entries(stream));
    CHECK(read(b, file, 4096, {}, lacking).tally.private_parts == 0);
  }
  SUBCASE("a bundle of everything brings them too") {
    CHECK(read(b, write(a)[0], 4096, {}, lacking).tally.private_parts == 5);
  }
  SUBCASE("another ciphertext, or another event around it, is not taken") {
    auto forged = a.log.runs_after(stream, 0, 1 << 20);
    forged[0].entries[0].private_part = model::PrivatePart::here(Bytes(50, 99));
    forged[1].entries[1].public_part[0] ^= 1;
    Bytes frames;
    for (const auto& run : forged) {
      const auto frame = sync::encode_run(stream, run.entries, &run.seal, true);
      frames.insert(frames.end(), frame.begin(), frame.end());
    }
    auto bytes = begin_file(a.head(), a.sign());
    for (const auto& chunk : {frames_chunk(1, frames), end_chunk(2, {2, 7, false})})
      bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    CHECK(read(b, bytes, 4096, {}, lacking).tally.private_parts == 3);
    CHECK(here(b) == 3);
  }
}
