#pragma once
// Logs in memory, and the whole way of a bundle from one to the other, for the tests of this folder.
#include "bundle/intake.hpp"
#include "bundle/source.hpp"
#include "sync/memory_log.hpp"

namespace airbridge::bundle::test {

inline trust::SigningKey key_of(std::uint8_t n) {
  trust::SigningKey::Seed seed;
  seed.value.fill(n);
  return trust::SigningKey::from_seed(seed);
}
inline const model::IncidentId incident = [] {
  model::IncidentId id;
  id.value.fill(0x11);
  return id;
}();
inline const Now start{utc_from_ms(1'767'225'600'000), SteadyTime(Milliseconds(1'000'000))};

struct Site {
  explicit Site(std::uint8_t n, const model::IncidentId& of = incident, std::uint32_t incarnation = 1)
      : key(key_of(n)), log(of, {key.id(), incarnation}) {
    log.add_key(key.public_key());
  }
  void write(model::Class cls, int count, std::size_t size = 40, std::uint8_t fill = 7) {
    for (int i = 0; i < count; ++i) log.write(key, cls, size, fill);
  }
  // An important event of 1500 bytes that does not pack.
  // Or `count` of them, sealed together.
  void noise(std::uint64_t& seed, int count = 1) {
    const model::StreamId id{log.own_writer(), model::Class::Important, {}};
    model::SealedRun run;
    const auto before = sync::held_of(log.vector(), id);
    auto head = *log.chain_at(id, before);
    for (int k = 1; k <= count; ++k) {
      model::Entry entry;
      entry.stream = id;
      entry.seq = before + static_cast<std::uint64_t>(k);
      for (int i = 0; i < 1500; ++i) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        entry.public_part.push_back(static_cast<std::uint8_t>(seed >> 56));
      }
      head = model::chain_next(head, entry);
      run.entries.push_back(std::move(entry));
    }
    run.seal = trust::make_seal(key, incident, id, run.entries.back().seq, head);
    log.append(run);
  }
  Head head(const model::IncidentId& of = incident) const {
    Head out;
    out.incident = of;
    out.incident_name = "Valley fire";
    out.writer = key.public_key();
    out.writer_name = "POST 1";
    out.written = start.utc;
    out.id.value = {1, 2, 3, 4, 5, 6, 7, 8};
    return out;
  }
  Sign sign() const {
    return [this](ByteView text) { return key.sign(text); };
  }

  trust::SigningKey key;
  sync::MemoryLog log;
};

inline std::vector<Bytes> write(const Site& site, sync::HeldVector since = {}, std::uint64_t file_bytes_max = 0,
                                model::Class class_max = model::Class::Routine) {
  auto head = site.head();
  head.since = std::move(since);
  head.class_max = class_max;
  Source source(site.log, head, file_bytes_max, site.sign());
  return files_of(source);
}

struct Reading {
  std::optional<Head> head;
  std::optional<End> end;
  std::vector<Damage> damages;
  std::string refusal, stopped;
  Tally tally;
  std::vector<sync::Output> seen;
};

// As a node does it: what is accepted is written at once, in the order of the tickets.
inline Reading read(Site& site, ByteView file, std::size_t piece_bytes = 4096,
                    const std::function<bool(const model::SealedRun&)>& is_granted = {},
                    const std::set<model::Dot>& lacking = {}) {
  Reading out;
  Reader reader;
  sync::Config config{incident, site.key.id(), "reader"};
  config.is_granted = is_granted;
  Intake intake(config, site.log, start, lacking);
  const auto work = [&] {
    while (!intake.is_settled()) {
      for (auto& output : intake.work(64 * 1024, start)) {
        if (auto* accept = std::get_if<sync::Accept>(&output)) {
          if (accept->author_key) site.log.add_key(*accept->author_key);
          if (site.log.append(accept->run)) {
            intake.accepted(accept->ticket, start);
          } else {
            intake.rejected(accept->ticket, "does not fit", start);
          }
        } else {
          out.seen.push_back(std::move(output));
        }
      }
    }
  };
  for (std::size_t at = 0; at <= file.size(); at += piece_bytes) {
    if (at < file.size()) reader.feed(file.subspan(at, std::min(piece_bytes, file.size() - at)));
    if (at + piece_bytes > file.size()) reader.finish();
    while (auto item = reader.next()) {
      if (auto* head = std::get_if<Head>(&*item)) out.head = std::move(*head);
      if (auto* end = std::get_if<End>(&*item)) out.end = *end;
      if (auto* damage = std::get_if<Damage>(&*item)) out.damages.push_back(std::move(*damage));
      if (auto* frames = std::get_if<Frames>(&*item)) {
        intake.add(std::move(frames->frames));
        work();
      }
    }
  }
  work();
  out.refusal = reader.refusal();
  out.stopped = intake.stopped();
  out.tally = intake.tally();
  return out;
}

}  // namespace airbridge::bundle::test
