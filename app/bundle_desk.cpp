#include "bundle_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "private_lacking.hpp"

namespace airbridge::app {
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr std::size_t kept_head_bytes_max = bundle_start_max;

api::CommandError not_found() {
  return {404, "not_found", "no such bundle is being written or read here", "",
          "begin again: what was taken in is kept, and reading twice does no harm"};
}
api::CommandError busy() {
  return {503, "busy", "so many bundles are being written or read", "", "try again in a minute"};
}
api::CommandError stopping() { return {503, "stopping", "the node is stopping", "", ""}; }

// Of a file's beginning.
Result<bundle::Head, std::string> head_of(Bytes bytes) {
  bundle::Reader reader;
  reader.feed(bytes);
  reader.finish();
  const auto item = reader.next();
  if (!reader.refusal().empty()) return failure(reader.refusal());
  const auto* head = item ? std::get_if<bundle::Head>(&*item) : nullptr;
  if (head == nullptr) return failure(std::string("its beginning is damaged"));
  return *head;
}

// Makes room for one more: true when there is some.
template <class Map, class Used>
bool make_room(Map& all, SteadyTime now, Used used) {
  if (all.size() < bundles_at_once_max) return true;
  const auto oldest = std::min_element(all.begin(), all.end(),
                                       [&](const auto& a, const auto& b) { return used(*a.second) < used(*b.second); });
  if (now < used(*oldest->second) + bundle_idle_min) return false;
  all.erase(oldest);
  return true;
}

}  // namespace

struct BundleDesk::Writing {
  BundleWish wish;
  std::optional<bundle::Source> source;
  std::uint64_t served = 0;  // the number of `last`
  BundlePiece last;
  SteadyTime used{};
};

BundleDesk::BundleDesk(Around around) : around_(std::move(around)) {
  around_.worker.post([this] { recall_reported(); });
}

std::string BundleDesk::name_of(const model::KeyId& id) const { return around_.picture.get()->roster().name_of(id); }

// ---- what is remembered
// ----------------------------------------------------------------------------------------------

std::string BundleDesk::file_of(std::string_view kind, ByteView of_whom) const {
  return (around_.home.incident_dir / "bundles" / fmt::format("{}-{}", kind, to_hex(blake2b<16>({of_whom})))).string();
}

std::optional<bundle::Head> BundleDesk::kept_head(const std::string& file) const {
  const auto content = read_file(file, kept_head_bytes_max);
  if (!content) return std::nullopt;
  const auto head = head_of(to_bytes(as_bytes(*content)));
  if (!head || head->incident != around_.home.incident) return std::nullopt;
  return *head;
}

// As the beginning of a file: the form exists, is checked when read, and says when it was.
void BundleDesk::keep_head(const std::string& file, const bundle::Head& head) const {
  std::error_code error;
  const auto folder = fs::path(file).parent_path();
  fs::create_directories(folder, error);
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  for (auto at = fs::directory_iterator(folder, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code gone;
    kept.emplace_back(at->last_write_time(gone), at->path());
  }
  std::sort(kept.begin(), kept.end());
  for (std::size_t i = 0; i + bundle_names_kept_max <= kept.size(); ++i) fs::remove(kept[i].second, error);
  const auto bytes = bundle::begin_file(head, [this](ByteView text) { return around_.home.node_key.sign(text); });
  if (const auto written = write_file(file, as_text(bytes), 0600); !written)
    log::warn("bundle", "what a bundle held will not be remembered", {{"why", written.error().text}});
}

// What the writers of bundles held when they wrote them, from the files of earlier runs.
void BundleDesk::recall_reported() {
  std::error_code error;
  std::size_t files = 0;
  for (auto at = fs::directory_iterator(around_.home.incident_dir / "bundles", error);
       !error && at != fs::directory_iterator() && files < 2 * bundle_names_kept_max; at.increment(error)) {
    if (!at->path().filename().string().starts_with("from-")) continue;
    ++files;
    const auto head = kept_head(at->path().string());
    if (head && file_of("from", model::key_id_of(head->writer).view()) == at->path())
      reported_[model::key_id_of(head->writer)] = head->holds;
  }
  if (!reported_.empty()) show_reported();
}

// Heard in no session: shown as its writer's word, and counted nowhere.
void BundleDesk::show_reported() {
  auto table = std::make_shared<api::ReportedTable>();
  std::size_t streams = 0;
  for (const auto& [writer, holds] : reported_) {
    if (streams + holds.size() > bundle_reported_max) continue;
    streams += holds.size();
    for (const auto& [stream, held] : holds) (*table)[stream][writer] = {held.seq, writer};
  }
  around_.reported.set(std::move(table));
}

// What the one it is for holds, as far as anybody can know: what it said in a session; and what it held when it wrote
// the last bundle that was read here, or, when that is older, what was in the last one written for it.
BundleDesk::Known BundleDesk::known_of(const std::string& name, int class_max) const {
  Known known;
  auto& [since, words, lacks] = known;
  const auto picture = around_.picture.get();
  const model::KeyId* member = nullptr;
  for (const auto& [id, one] : picture->roster().members()) {
    if (one.granted && picture->roster().name_of(id) == name) member = &id;
  }
  const auto written = kept_head(file_of("for", as_bytes(name)));
  const auto reported = member != nullptr ? kept_head(file_of("from", member->view())) : std::nullopt;
  if (reported && (!written || reported->written > written->written)) {
    since = reported->holds;
    lacks = reported->lacks;
    words = fmt::format("what {} held when it wrote a bundle at {}", name, format_utc(reported->written));
  } else if (written) {
    since = written->holds;
    words = fmt::format("the bundle written for {} at {}; if that one was lost, write this one with --all", name,
                        format_utc(written->written));
  }
  if (member != nullptr) {
    const auto status = around_.status.get();
    for (const auto& [stream, holders] : *status->held) {
      const auto held = holders.find(*member);
      if (held == holders.end() || held->second <= sync::held_of(since, stream)) continue;
      since[stream] = {held->second, {}};
      if (words.empty()) words = fmt::format("what {} said it held when it was last linked to this node", name);
    }
  }
  std::erase_if(since, [&](const auto& item) { return static_cast<int>(item.first.cls) > class_max; });
  if (since.empty()) words.clear();
  return known;
}

// ---- writing --------------------------------------------------------------------------------------------------------

void BundleDesk::begin_writing(BundleWish wish, Done<BundleBegun> done) {
  around_.worker.post([this, wish = std::move(wish), done = std::move(done)] {
    bundle::Head head;
    head.incident = around_.home.incident;
    head.incident_name = around_.home.genesis.name;
    head.writer = around_.home.node_key.public_key();
    head.writer_name = around_.node_name;
    head.written = around_.clock.now().utc;
    head.id = trust::random_fixed<bundle::BundleId>();
    head.class_max = static_cast<model::Class>(wish.class_max);
    head.for_name = wish.for_name;
    head.lacks = withheld_in(around_.ledger.view(), private_lacking(*around_.picture.get(), private_looked_at_max),
                             bundle::lacks_max);
    Known known;
    if (!wish.since.empty()) {
      auto from = head_of(wish.since);
      if (!from)
        return done(
            failure(api::CommandError{400, "not_a_bundle", "the file of --since: " + from.error(), "since", ""}));
      if (from->incident != around_.home.incident)
        return done(failure(api::CommandError{
            400, "other_incident",
            fmt::format("the file of --since is of another incident, \"{}\"", from->incident_name), "since", ""}));
      known.holds = std::move(from->holds);
      known.lacks = std::move(from->lacks);
      known.words = fmt::format("what {} held at {}",
                                from->is_signed ? name_of(model::key_id_of(from->writer)) : from->writer_name,
                                format_utc(from->written));
    } else if (!wish.everything && !wish.for_name.empty()) {
      known = known_of(wish.for_name, wish.class_max);
    }
    around_.core.post([this, wish, head, known, done] { begin_with(wish, head, known, done); });
  });
}

// Core thread, which alone may ask who this node writes as; the rest is the worker's.
void BundleDesk::begin_with(const BundleWish& wish, bundle::Head head, Known known, const Done<BundleBegun>& done) {
  if (stopped_) return done(failure(stopping()));
  const auto& log = around_.ledger.view();
  head.since = std::move(known.holds);
  if (wish.nothing) {
    for (const auto& [stream, seq] : log.vector()) head.since[stream] = {seq, {}};
    known.lacks.clear();
  }
  auto writing = std::make_shared<Writing>();
  writing->wish = wish;
  writing->source.emplace(
      log, std::move(head), wish.file_bytes_max, [this](ByteView text) { return around_.home.node_key.sign(text); },
      known.lacks);
  around_.worker.post([this, writing, words = std::move(known.words), done] {
    const auto now = around_.clock.now().steady;
    if (!make_room(writings_, now, [](const Writing& one) { return one.used; })) return done(failure(busy()));
    writing->used = now;
    const auto id = ++last_id_;
    writings_[id] = writing;
    done(BundleBegun{id, writing->source->events_total(), words});
  });
}

void BundleDesk::next_piece(std::uint64_t id, std::uint64_t number, Done<BundlePiece> done) {
  around_.worker.post([this, id, number, done = std::move(done)] {
    const auto found = writings_.find(id);
    if (found == writings_.end()) return done(failure(not_found()));
    auto& writing = *found->second;
    writing.used = around_.clock.now().steady;
    if (number == writing.served && number > 0) return done(writing.last);
    if (number != writing.served + 1 || (number > 1 && writing.last.ends_all))
      return done(
          failure(api::CommandError{409, "gap", fmt::format("the next piece is {}", writing.served + 1), "", ""}));
    BundlePiece piece;
    do {
      auto more = writing.source->next();
      piece.bytes.insert(piece.bytes.end(), more.bytes.begin(), more.bytes.end());
      piece.part = more.part;
      piece.ends_file = more.ends_file;
      piece.ends_all = more.ends_all;
    } while (!piece.ends_file && piece.bytes.size() < bundle_piece_target);
    piece.written = writing.source->written();
    ++writing.served;
    writing.last = std::move(piece);
    done(writing.last);
  });
}

void BundleDesk::finish_writing(std::uint64_t id, Done<json::object> done) {
  around_.worker.post([this, id, done = std::move(done)] {
    const auto found = writings_.find(id);
    if (found == writings_.end() || !found->second->last.ends_all) return done(failure(not_found()));
    const auto writing = found->second;
    writings_.erase(found);
    const auto& wish = writing->wish;
    if (!wish.for_name.empty() && !wish.nothing) {
      auto head = writing->source->head();
      const auto file = file_of("for", as_bytes(wish.for_name));
      const auto before = kept_head(file);
      for (const auto& [stream, held] : before ? before->holds : sync::HeldVector{}) {
        if (static_cast<int>(stream.cls) > wish.class_max) head.holds[stream] = held;
      }
      std::erase_if(head.holds, [&](const auto& item) {
        return static_cast<int>(item.first.cls) > wish.class_max && (!before || !before->holds.contains(item.first));
      });
      head.since.clear();
      head.lacks.clear();
      keep_head(file, head);
    }
    done(json::object{{"ok", true}});
  });
}

// ---- reading --------------------------------------------------------------------------------------------------------

void BundleDesk::begin_reading(Done<json::object> done) {
  around_.core.post([this, done = std::move(done)] {
    if (stopped_) return done(failure(stopping()));
    const auto now = around_.clock.now().steady;
    if (!make_room(readings_, now, [](const BundleReading& one) { return one.used(); })) return done(failure(busy()));
    const auto id = ++last_reading_;
    readings_[id] = std::make_shared<BundleReading>(
        BundleReading::Around{around_.core, around_.clock, around_.ledger, around_.home});
    done(json::object{{"ok", true}, {"id", std::to_string(id)}});
  });
}

void BundleDesk::read_on(std::uint64_t id, std::uint64_t at, Bytes bytes, bool last, Done<json::object> done) {
  around_.core.post([this, id, at, bytes = std::move(bytes), last, done = std::move(done)]() mutable {
    const auto found = readings_.find(id);
    if (stopped_ || found == readings_.end()) return done(failure(stopped_ ? stopping() : not_found()));
    const auto reading = found->second;
    reading->take(at, std::move(bytes), last,
                  [this, last, reading = std::weak_ptr(reading), done = std::move(done)](auto result) {
                    const auto there = reading.lock();
                    // Not before the end: its writer's grant may stand in it.
                    auto head = there && result && last ? there->take_head() : std::nullopt;
                    if (!head || !is_from_member(*head)) return done(std::move(result));
                    around_.worker.post([this, head = std::move(*head), result = std::move(result), done] {
                      remember(head);
                      done(result);
                    });
                  });
  });
}

// Core thread. Of the picture as it is now: the one that was last shown may not know yet what was just read.
bool BundleDesk::is_from_member(const bundle::Head& head) const {
  const auto writer = model::key_id_of(head.writer);
  if (writer == around_.home.node_key.id()) return false;
  const auto picture = around_.ledger.publish();
  const auto* member = picture->roster().find(writer);
  return member != nullptr && member->granted;
}

// Worker thread. The answer waits for it: a node that runs for one reading stops right after.
void BundleDesk::remember(const bundle::Head& head) {
  const auto file = file_of("from", model::key_id_of(head.writer).view());
  const auto before = kept_head(file);
  if (before && before->written >= head.written) return;
  keep_head(file, head);
  reported_[model::key_id_of(head.writer)] = head.holds;
  show_reported();
}

void BundleDesk::stop() {
  stopped_ = true;
  readings_.clear();
}

}  // namespace airbridge::app
