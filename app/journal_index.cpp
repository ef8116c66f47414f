#include "journal_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.hpp"
#include "store/index.hpp"

namespace airbridge::app {
namespace {

constexpr std::string_view area = "index";
constexpr std::size_t batch_bytes = 4 * 1024 * 1024;
constexpr std::uint64_t rush_records_per_s = 8'000;  // log records, not all of them events
constexpr std::uint64_t rush_records_min = 500;
constexpr Milliseconds rush_look{250};
constexpr Milliseconds rush_max{30'000};

std::string source_key(const model::Observation& observation) {
  return fmt::format("{}:{}:{}", model::name_of(observation.via), observation.gateway.hex().substr(0, 8),
                     observation.source);
}

store::IndexedEvent describe(const store::StoredEntry& stored) {
  store::IndexedEvent out;
  const auto event = model::decode_event(stored.entry.public_part, stored.entry.dot());
  if (!event) return out;  // listed by its arrival only
  out.entity = model::to_text(event->entity);
  out.record = event->record;
  out.via = static_cast<std::uint8_t>(event->via);
  out.time = event->time.time();
  const auto* record = model::find_record(event->record);
  if (record != nullptr)
    out.text = fmt::format("{} {}-{}", record->name, record->letter, model::display_code(event->entity));
  for (const auto& write : event->writes) {
    const auto* field = model::find_field(event->record, write.key);
    if (const auto* text = write.value.text()) out.text += ' ' + *text;
    if (field == nullptr || write.value.integer() == nullptr) continue;
    if (const auto* code = model::find_code(*field, *write.value.integer()))
      out.text += fmt::format(" {} {}", code->name, code->words);
  }
  return out;
}

class FollowingIndex final : public JournalIndex {
 public:
  FollowingIndex(std::unique_ptr<store::Index> index, store::Writer& writer, const Clock& clock,
                 std::size_t batch_records)
      : index_(std::move(index)), writer_(writer), clock_(clock), batch_records_(batch_records) {
    prune();
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
  ~FollowingIndex() override {
    thread_.request_stop();
    wake_.notify_all();
    thread_.join();
    for (int i = 0; i < index_batches_at_stop && take_batch(); ++i) {
    }
    put_last_values();
  }

  void catch_up() override {
    {
      const std::scoped_lock lock(mutex_);
      grown_ = true;
    }
    wake_.notify_all();
  }

  std::vector<Place> latest(const model::EntityId& entity, std::size_t limit) override {
    store::IndexQuery wanted;
    wanted.entity = model::to_text(entity);
    wanted.newest_first = true;
    wanted.limit = limit;
    return places_of(wanted);
  }

  Found find(const api::JournalQuery& query, Milliseconds wait) override {
    wait_for(writer_.durable_arrival(), wait);
    Found out;
    out.through = index_->applied();
    store::IndexQuery wanted;
    wanted.after = query.after;
    wanted.limit = std::min(query.limit, store::index_page_max);
    if (query.entity) {
      wanted.entity = model::to_text(*query.entity);
      wanted.newest_first = true;
    }
    if (const auto* record = model::find_record(query.record)) wanted.record = static_cast<std::uint16_t>(record->kind);
    wanted.text = query.text;
    out.places = places_of(wanted);
    return out;
  }

  std::vector<model::Dot> command(const model::CommandId& id) override {
    const auto dots = index_->command(id);
    return dots ? *dots : std::vector<model::Dot>();
  }

  void remember(const model::Observation& observation) override {
    std::unique_lock lock(mutex_);
    const bool is_first = waiting_.empty();
    const auto key = std::pair(observation.subject, source_key(observation));
    auto found = waiting_.find(key);
    if (found == waiting_.end()) {
      if (waiting_.size() >= last_values_waiting_max) return;
      found = waiting_.emplace(key, model::Observation()).first;
    }
    waiting_documents_ -= found->second.document.size();
    found->second = observation;
    if (waiting_documents_ + observation.document.size() > last_values_document_bytes_max) found->second.document = {};
    waiting_documents_ += found->second.document.size();
    lock.unlock();
    if (is_first) wake_.notify_all();
  }

  std::vector<model::Observation> last_values() override {
    std::vector<model::Observation> out;
    const auto values = index_->last_values();
    if (!values) return out;
    for (const auto& value : *values) {
      if (auto observation = model::decode_observation(value.value)) out.push_back(std::move(*observation));
    }
    return out;
  }

 private:
  std::vector<Place> places_of(const store::IndexQuery& wanted) {
    const auto rows = index_->events(wanted);
    if (!rows) {
      log::error(area, "cannot search the journal", {{"why", rows.error().what}});
      return {};
    }
    std::vector<Place> out;
    for (const auto& row : *rows) out.push_back({row.arrival, row.arrived, row.dot, entry_of(row)});
    return out;
  }

  // Behind a fork one dot names several events, and the index knows them by their arrival.
  std::optional<model::Entry> entry_of(const store::IndexRow& row) {
    return writer_.read([&](store::Log& log) -> std::optional<model::Entry> {
      const auto named = log.read_entry(row.dot.stream(), row.dot.seq);
      if (named && named->arrival == row.arrival) return named->entry;
      const auto records = log.read_from(row.arrival, 1, 1);
      if (!records || records->empty() || records->front().header.arrival != row.arrival) return std::nullopt;
      const auto stored = store::as_entry(records->front());
      return stored ? std::optional(stored->entry) : std::nullopt;
    });
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      wait_for_work(stop);
      let_rush_pass(stop);
      while (!stop.stop_requested() && take_batch()) let_rush_pass(stop);
      followed_.notify_all();
      put_last_values();
      if (clock_.now().steady - pruned_ >= last_values_prune_every) prune();
    }
  }

  // New events, or positions to be kept that have gathered for a while.
  void wait_for_work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, stop, [this] { return grown_ || !waiting_.empty(); });
    if (!grown_) wake_.wait_for(lock, stop, last_values_every, [this] { return grown_; });
    grown_ = false;
  }

  bool grows_fast() {
    const auto now = clock_.now().steady;
    const auto arrival = writer_.durable_arrival();
    const auto grown = arrival - std::min(arrival, std::exchange(seen_arrival_, arrival));
    const auto span = now - std::exchange(seen_, now);
    return grown >= rush_records_min && grown * 1000 >= rush_records_per_s * static_cast<std::uint64_t>(span.count());
  }

  // While thousands of events a second come in, taking them into the log and the picture comes first: the index would
  // take half of the machine from them. Not for ever, and not when somebody asks.
  void let_rush_pass(const std::stop_token& stop) {
    if (!grows_fast()) return;
    const auto begun = clock_.now().steady;
    std::unique_lock lock(mutex_);
    do {
      wake_.wait_for(lock, stop, rush_look, [this] { return asked_; });
    } while (!stop.stop_requested() && !asked_ && grows_fast() && clock_.now().steady - begun < rush_max);
    asked_ = false;
  }

  void prune() {
    const auto now = clock_.now();
    pruned_ = now.steady;
    if (const auto done = index_->prune_last_values(now.utc - last_values_kept, last_values_max); !done)
      log::warn(area, "old positions were not forgotten", {{"why", done.error().what}});
  }

  // False when there is nothing more to take in, or it cannot be.
  bool take_batch() {
    const auto after = index_->applied();
    const auto records =
        writer_.read([&](store::Log& log) { return log.read_from(after + 1, batch_records_, batch_bytes); });
    if (!records || records->empty()) return false;
    const auto applied = index_->apply(after, *records);
    if (!applied) log::error(area, "the journal's index does not keep up", {{"why", applied.error().what}});
    return applied.has_value();
  }

  void wait_for(std::uint64_t arrival, Milliseconds wait) {
    if (index_->applied() >= arrival || wait.count() <= 0) return;
    {
      const std::scoped_lock lock(mutex_);
      asked_ = true;
    }
    catch_up();
    std::unique_lock lock(followed_mutex_);
    followed_.wait_for(lock, wait, [&] { return index_->applied() >= arrival; });
  }

  void put_last_values() {
    std::map<std::pair<model::EntityId, std::string>, model::Observation> values;
    {
      const std::scoped_lock lock(mutex_);
      values.swap(waiting_);
      waiting_documents_ = 0;
    }
    if (values.empty()) return;
    std::vector<store::LastValue> rows;
    for (const auto& [key, observation] : values) {
      rows.push_back({model::to_text(key.first), static_cast<std::uint16_t>(observation.kind), key.second,
                      observation.measured, model::encode(observation)});
    }
    if (const auto put = index_->put_last_values(rows); !put)
      log::warn(area, "last positions were not kept for a restart", {{"why", put.error().what}});
  }

  std::unique_ptr<store::Index> index_;
  store::Writer& writer_;
  const Clock& clock_;
  const std::size_t batch_records_;
  SteadyTime pruned_{}, seen_{};  // the index's thread
  std::uint64_t seen_arrival_ = 0;
  std::mutex mutex_, followed_mutex_;
  std::condition_variable_any wake_;
  std::condition_variable followed_;
  bool grown_ = true, asked_ = false;
  std::map<std::pair<model::EntityId, std::string>, model::Observation> waiting_;
  std::size_t waiting_documents_ = 0;  // bytes
  std::jthread thread_;
};

}  // namespace

Result<std::unique_ptr<JournalIndex>, std::string> JournalIndex::open(const std::string& directory,
                                                                      const model::IncidentId& incident,
                                                                      store::Writer& writer, const Clock& clock,
                                                                      std::size_t batch_records) {
  const auto path = (std::filesystem::path(directory) / store::index_name).string();
  auto index = store::Index::open(path, incident, describe);
  if (!index) return failure(index.error().what);
  const auto checked = writer.read([&](store::Log& log) { return (*index)->check_against(log); });
  if (!checked) return failure(checked.error().what);
  return std::unique_ptr<JournalIndex>(
      std::make_unique<FollowingIndex>(std::move(*index), writer, clock, batch_records));
}

}  // namespace airbridge::app
