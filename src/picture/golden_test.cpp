// The example logs of every release (test/golden/model/v<n>/log.txt, read by trust/golden_test.cpp too) are folded and
// must give the state hash written beside them in state.txt, for ever: else nodes in the field would not agree with
// older ones about the same events. AIRBRIDGE_REWRITE=1 writes those that are not there yet.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/test_documents.hpp"
#include "picture/fold.hpp"
#include "trust/private_part.hpp"

using namespace airbridge;
using namespace airbridge::picture;

namespace {
struct GoldenLog {
  model::Genesis genesis;
  model::IncidentId incident;
  std::vector<FoldEvent> events;
};

GoldenLog read(const std::filesystem::path& path) {
  GoldenLog out;
  std::vector<trust::DataKey> keys;
  std::ifstream in(path);
  REQUIRE(in);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string what, hex;
    words >> what >> hex;
    if (what == "genesis") {
      const auto genesis = model::decode_genesis(*from_hex(hex));
      REQUIRE(genesis);
      out.genesis = *genesis;
      out.incident = model::incident_of(*genesis);
    } else if (what == "datakey") {
      trust::DataKey key;
      std::string bytes;
      words >> key.epoch >> bytes;
      key.group = *model::GroupId::from_hex(hex);
      key.key = *std::decay_t<decltype(key.key)>::from_hex(bytes);
      keys.push_back(key);
    } else if (what == "entry") {
      const auto entry = model::decode_entry(*from_hex(hex));
      REQUIRE(entry);
      FoldEvent event;
      event.dot = entry->dot();
      event.branch = entry->stream.branch;
      event.bytes = entry->size();
      event.arrival = out.events.size() + 1;
      if (auto decoded = model::decode_event(entry->public_part, event.dot)) {
        event.event = std::make_shared<const model::Event>(std::move(*decoded));
      }
      if (entry->private_part.state == model::PrivatePart::State::Here) {
        auto writes = trust::open_private(entry->private_part.ciphertext, event.dot, out.incident, keys);
        event.private_state = writes ? PrivateState::Here : PrivateState::Lacking;
        if (writes) event.private_writes = std::move(*writes);
      }
      out.events.push_back(std::move(event));
    }
  }
  return out;
}

// The statements of test/golden/trust, each as its member would tell it.
std::vector<FoldEvent> read_grants(const std::filesystem::path& path, const model::IncidentId& incident) {
  std::vector<FoldEvent> out;
  const auto record = static_cast<std::uint16_t>(model::RecordKind::Membership);
  std::ifstream in(path);
  for (std::string what, hex; in >> what;) {
    if (what != "grant") {
      std::getline(in, hex);
      continue;
    }
    in >> hex;
    const auto bytes = *from_hex(hex);
    const auto grant = trust::decode_grant(bytes);
    REQUIRE(grant);
    if (!trust::verify_grant(*grant, incident)) continue;
    const auto member = model::key_id_of(grant->key);
    model::Event event;
    event.record = record;
    event.entity = model::external_name("key", member.hex());
    event.time = model::Hlc::at(grant->from);
    event.writes = {{model::find_field(record, "grant")->key(), bytes, {}}};
    FoldEvent told;
    told.dot = {{member, 1}, model::Class::Important, out.size() + 1};
    told.event = std::make_shared<const model::Event>(std::move(event));
    out.push_back(std::move(told));
  }
  return out;
}

model::Hash folded(const GoldenLog& log, const std::vector<FoldEvent>& events) {
  Fold forwards(log.incident, log.genesis), backwards(log.incident, log.genesis);
  for (const auto& event : events) CHECK(forwards.apply(event) != Verdict::Unreadable);
  for (auto it = events.rbegin(); it != events.rend(); ++it) backwards.apply(*it);
  CHECK_FALSE(forwards.needs_refold());
  CHECK_FALSE(backwards.needs_refold());
  CHECK(forwards.state_hash() == backwards.state_hash());
  CHECK(forwards.publish()->counts().folded > forwards.publish()->counts().withheld);
  return forwards.state_hash();
}
}  // namespace

TEST_CASE("every golden log folds to the state hash written beside it, forwards and backwards") {
  std::size_t logs = 0;
  const auto golden = std::filesystem::path(model::test::repository_root()) / "test" / "golden";
  for (const auto& folder : std::filesystem::directory_iterator(golden / "model")) {
    CAPTURE(folder.path().string());
    const auto log = read(folder.path() / "log.txt");
    REQUIRE_FALSE(log.events.empty());
    auto all = log.events;
    const auto grants = read_grants(golden / "trust" / folder.path().filename() / "grants.txt", log.incident);
    all.insert(all.end(), grants.begin(), grants.end());
    const auto text = fmt::format("log {}\nlog and grants {}\n", folded(log, log.events).hex(), folded(log, all).hex());
    const auto path = folder.path() / "state.txt";
    if (model::test::is_rewriting() && !std::filesystem::exists(path)) std::ofstream(path) << text;
    CHECK(model::test::read_whole(path.string()) == text);
    ++logs;
  }
  CHECK(logs > 0);
}
