#include "node_backend.hpp"

#include <filesystem>

#include "base/log.hpp"
#include "gateway/adsb/adsb_file.hpp"
#include "node_metrics.hpp"
#include "own_position.hpp"

namespace airbridge::app {

NodeBackend::NodeBackend(const Home& home, const Clock& clock, Core core, const Shared<picture::Picture>& picture,
                         const Shared<api::Status>& status)
    : home_(home),
      clock_(clock),
      core_(std::move(core)),
      picture_(picture),
      status_(status),
      backups_(std::make_unique<Backups>(
          home_.dir / "backups", home_.store_dir(),
          [this](const std::string& file, bool with_keys) { return make_backup(file, with_keys); })) {}

void NodeBackend::stop() {
  backups_.reset();
  journal_.stop();
}

std::shared_ptr<const api::Status> NodeBackend::status() {
  const auto now = clock_.now().steady;
  const auto before = core_.asked.exchange(now);
  if (now - before >= status_wakes_every) core_.loop.post([this] { core_.wake_status(); });
  return status_.get();
}

void NodeBackend::command(model::Draft draft, std::function<void(api::CommandResult)> done) {
  ++commands_;
  if (core_.ledger.waiting() > commands_waiting_max) {
    done(failure(api::CommandError{503, "busy", "too many commands wait for the disk", "",
                                   "try again in a second, with the same id"}));
    return;
  }
  draft.actor = home_.operator_key.id();
  core_.loop.post([this, draft = std::move(draft), done = std::move(done)]() mutable {
    core_.ledger.command(std::move(draft), std::move(done));
  });
}

void NodeBackend::own_position(std::optional<Position> position, std::function<void(api::CommandResult)> done) {
  core_.loop.post([this, position, done = std::move(done)] {
    const auto now = clock_.now().utc;
    core_.own_place.click(position, now);
    core_.make_status();
    const auto kept = position ? std::optional(KeptPosition{*position, now}) : std::nullopt;
    if (const auto written = keep_own_position(home_.dir, kept); !written) {
      log::error("node", "the own position will not outlive a restart", {{"why", written.error().text}});
      return done(failure(api::CommandError{507, "not_kept", "not kept for a restart: " + written.error().text, "",
                                            "free some space, or look at the folder's rights"}));
    }
    done(api::CommandDone{core_.own_place.id(), "", {}, model::Class::Routine, false});
  });
}

void NodeBackend::recording(std::string name, std::string text,
                            std::function<void(Result<Played, api::CommandError>)> done) {
  auto recording = gateway::adsb::read_recording(name, text);
  if (!recording) {
    auto why = recording.error().what;
    if (why.starts_with(name + ": ")) why.erase(0, name.size() + 2);  // who asked knows the name
    return done(failure(
        api::CommandError{400, "not_a_recording", std::move(why), "",
                          "known are Airbridge's own records, GeoJSON, SBS-1 lines and a readsb aircraft.json"}));
  }
  core_.loop.post([this, recording = std::move(*recording), done = std::move(done)] {
    const auto summary = gateway::adsb::import_recording(recording, clock_.now().utc, core_.take_observation);
    core_.publish();
    done(Played{summary.observations, summary.aircraft, summary.refused});
  });
}

void NodeBackend::journal(api::JournalQuery query,
                          std::function<void(Result<api::JournalPage, api::CommandError>)> done) {
  if (journal_asked_.fetch_add(1) >= journal_asked_max) {
    --journal_asked_;
    return done(failure(api::CommandError{503, "busy", "too many ask for the journal", "", "try again in a second"}));
  }
  journal_.loop().post([this, query = std::move(query), done = std::move(done), asked = clock_.now().steady] {
    // Whoever waited for those before has waited for the index too.
    done(core_.ledger.journal(query, journal_wait_max - (clock_.now().steady - asked)));
    --journal_asked_;
  });
}

void NodeBackend::compare(
    std::string peer, std::function<void(Result<std::shared_ptr<const api::Comparisons>, api::CommandError>)> done) {
  core_.loop.post([this, peer = std::move(peer), done = std::move(done)] {
    if (core_.compare(peer)) return done(core_.comparisons.get());
    done(failure(api::CommandError{404, "not_found", "no node of this name or key is in reach", "peer",
                                   "airbridge status lists them"}));
  });
}

Result<api::BackupInfo, api::CommandError> NodeBackend::begin_backup(bool with_keys) {
  return backups_->begin(with_keys, clock_.now().utc);
}

std::optional<api::BackupInfo> NodeBackend::backup(std::uint64_t id) { return backups_->find(id); }

std::string NodeBackend::make_backup(const std::string& file, bool with_keys) {
  std::vector<store::ExtraFile> extra;
  std::string why;
  const auto add = [&](const std::filesystem::path& path, const std::string& as) {
    if (!std::filesystem::exists(path)) return;
    if (const auto content = read_file(path, store::extra_bytes_max)) {
      extra.push_back({as, to_bytes(as_bytes(*content))});
    } else {
      why = content.error().text;
    }
  };
  add(home_.incident_dir / "genesis", "genesis");
  add(home_.dir / "names", "names");
  add(home_.dir / "airbridge.toml", "airbridge.toml");
  add(home_.incident_dir / "first-grants", "first-grants");
  if (with_keys) {
    add(home_.incident_dir / "data.keys", "data.keys");
    for (const auto* key : {"node.key", "operator.key", "authority.key"}) add(home_.dir / "keys" / key, key);
  }
  return why.empty() ? core_.ledger.backup(file, extra) : why;
}

std::string NodeBackend::metrics() { return node_metrics(*status(), *picture_.get(), commands_.load()); }

}  // namespace airbridge::app
