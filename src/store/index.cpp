#include "store/index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace airbridge::store {
namespace {

constexpr std::int64_t layout = 1;  // another number: made anew
constexpr std::size_t search_bytes_max = 400;
constexpr std::size_t words_max = 16;  // of a search; more are left out
constexpr std::size_t trigram = 3;     // shorter words cannot be looked up, only scanned for

constexpr const char* tables = R"(
BEGIN;
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE events(arrival INTEGER PRIMARY KEY, arrived_ms INTEGER NOT NULL, time_ms INTEGER NOT NULL,
  author BLOB NOT NULL, incarnation INTEGER NOT NULL, class INTEGER NOT NULL, seq INTEGER NOT NULL,
  entity TEXT NOT NULL, record INTEGER NOT NULL, via INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX events_entity ON events(entity, arrival);
CREATE INDEX events_record ON events(record, arrival);
CREATE VIRTUAL TABLE events_text USING fts5(text, content='events', content_rowid='arrival', tokenize='trigram');
CREATE TABLE commands(id BLOB NOT NULL, arrival INTEGER NOT NULL, PRIMARY KEY(id, arrival)) WITHOUT ROWID;
CREATE TABLE last_values(subject TEXT NOT NULL, kind INTEGER NOT NULL, source TEXT NOT NULL, time_ms INTEGER NOT NULL,
  value BLOB NOT NULL, PRIMARY KEY(subject, kind, source)) WITHOUT ROWID;
COMMIT;
)";

SqlError odd(std::string what) { return {SqlFault::Corrupt, std::move(what)}; }

model::Dot dot_of(const Statement& row, int column) {
  model::Dot dot;
  dot.writer.author = model::KeyId::from(row.blob(column)).value_or(model::KeyId{});
  dot.writer.incarnation = static_cast<std::uint32_t>(row.integer(column + 1));
  dot.cls = static_cast<model::Class>(row.integer(column + 2));
  dot.seq = static_cast<std::uint64_t>(row.integer(column + 3));
  return dot;
}

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<std::string> words_of(std::string_view text) {
  text = text.substr(0, search_bytes_max);
  std::vector<std::string> out;
  bool inside = false;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= ' ';  // control characters would end the query early
    if (!blank && !inside) out.emplace_back();
    if (!blank) out.back().push_back(c);
    inside = !blank;
    if (out.size() > words_max) break;
  }
  if (out.size() > words_max) out.resize(words_max);
  return out;
}

// The word as an FTS5 string: nothing in it is an operator.
std::string quoted(std::string_view word) {
  std::string out = "\"";
  for (const char c : word) out.append(c == '"' ? 2 : 1, c);
  return out + "\"";
}

std::string like_pattern(std::string_view word) {
  std::string out = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "%";
}

std::int64_t clamped(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, INT64_MAX));
}

}  // namespace

SqlResult<std::unique_ptr<Index>> Index::open(const std::string& path, const model::IncidentId& incident,
                                              Describe describe) {
  std::unique_ptr<Index> index(new Index(path, incident, std::move(describe)));
  auto done = index->open_file();
  // A table that should be there and is not is damage as well.
  if (!done && done.error().fault == SqlFault::Other && index->database_) done.error().fault = SqlFault::Corrupt;
  if (!done && done.error().fault == SqlFault::Corrupt) done = index->make_anew();
  if (!done) return failure(done.error());
  return index;
}

// Leaves database_ open and applied_ known, or says Corrupt when this is no index of ours.
SqlResult<void> Index::open_file() {
  auto database = Database::open(path_);
  if (!database) return failure(database.error());
  database_ = std::move(*database);
  auto count = database_->prepare("SELECT count(*) FROM sqlite_schema");
  if (!count) return failure(count.error());
  const auto row = count->step();
  if (!row) return failure(row.error());
  if (count->integer(0) == 0) {
    if (auto done = database_->execute(tables); !done) return done;
    auto put = database_->prepare("INSERT INTO meta VALUES('layout', ?1), ('incident', ?2), ('applied', 0)");
    if (!put) return failure(put.error());
    if (auto done = put->bind(1, layout).bind(2, incident_.view()).run(); !done) return done;
  }
  auto get = database_->prepare(
      "SELECT (SELECT value FROM meta WHERE key='layout'), (SELECT value FROM meta WHERE key='incident'), "
      "(SELECT value FROM meta WHERE key='applied')");
  if (!get) return failure(get.error());
  const auto meta = get->step();
  if (!meta) return failure(meta.error());
  if (get->integer(0) != layout) return failure(odd("the index has another layout"));
  if (model::IncidentId::from(get->blob(1)) != incident_) return failure(odd("the index is of another incident"));
  applied_ = static_cast<std::uint64_t>(get->integer(2));
  return {};
}

SqlResult<void> Index::make_anew() {
  database_.reset();
  ++rebuilt_;
  applied_ = 0;
  for (const auto* suffix : {"", "-wal", "-shm"}) (void)std::remove((path_ + suffix).c_str());
  return open_file();
}

// A damaged index is no error of the caller: it starts anew, and what was asked finds it empty.
template <class T>
SqlResult<T> Index::heal(SqlResult<T> outcome) {
  if (!outcome && outcome.error().fault == SqlFault::Corrupt) (void)make_anew();
  return outcome;
}

std::uint64_t Index::applied() const {
  const std::scoped_lock lock(mutex_);
  return applied_;
}
std::uint64_t Index::rebuilt() const {
  const std::scoped_lock lock(mutex_);
  return rebuilt_;
}

SqlResult<bool> Index::agrees_with(Log& log) {
  if (applied_ > log.durable_arrival()) return false;
  // The newest event it knows must be the log's, and no event before it may be missing.
  auto newest =
      database_->prepare("SELECT arrival, author, incarnation, class, seq FROM events ORDER BY arrival DESC LIMIT 1");
  if (!newest) return failure(newest.error());
  const auto row = newest->step();
  if (!row) return failure(row.error());
  if (!*row) return applied_ == 0 || log.entries() == 0;
  const auto arrival = static_cast<std::uint64_t>(newest->integer(0));
  if (arrival > applied_) return false;
  const auto records = log.read_from(arrival, 1, 1);
  if (!records || records->empty() || records->front().header.arrival != arrival) return false;
  const auto entry = as_entry(records->front());
  return entry && entry->entry.dot() == dot_of(*newest, 1);
}

SqlResult<void> Index::check_against(Log& log) {
  const std::scoped_lock lock(mutex_);
  if (!database_) return make_anew();
  const auto agrees = agrees_with(log);
  if (agrees && *agrees) return {};
  if (!agrees && agrees.error().fault != SqlFault::Corrupt) return failure(agrees.error());
  return make_anew();
}

SqlResult<void> Index::apply(std::uint64_t after, const std::vector<StoredRecord>& records) {
  const std::scoped_lock lock(mutex_);
  if (records.empty() || after != applied_) return {};
  if (!database_) {
    if (auto done = make_anew(); !done) return done;
  }
  auto done = database_->execute("BEGIN");
  if (done) done = apply_in_transaction(records);
  if (done) done = database_->execute("COMMIT");
  if (done) {
    applied_ = records.back().header.arrival;
    return {};
  }
  (void)database_->execute("ROLLBACK");
  if (done.error().fault == SqlFault::Corrupt) return make_anew();
  return done;
}

SqlResult<void> Index::apply_in_transaction(const std::vector<StoredRecord>& records) {
  auto event = database_->prepare("INSERT OR REPLACE INTO events VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
  if (!event) return failure(event.error());
  auto text = database_->prepare("INSERT INTO events_text(rowid, text) VALUES(?1,?2)");
  if (!text) return failure(text.error());
  auto command = database_->prepare("INSERT OR REPLACE INTO commands VALUES(?1,?2)");
  if (!command) return failure(command.error());
  for (const auto& record : records) {
    const auto entry = as_entry(record);
    if (!entry || record.header.arrival <= applied_) continue;
    const auto described = describe_(*entry);
    const auto arrival = clamped(entry->arrival);
    const auto dot = entry->entry.dot();
    event->bind(1, arrival)
        .bind(2, ms_of(entry->time))
        .bind(3, ms_of(described.time))
        .bind(4, dot.writer.author.view());
    event->bind(5, std::int64_t{dot.writer.incarnation}).bind(6, static_cast<std::int64_t>(dot.cls));
    event->bind(7, clamped(dot.seq)).bind(8, std::string_view(described.entity));
    event->bind(9, std::int64_t{described.record}).bind(10, std::int64_t{described.via});
    event->bind(11, std::string_view(described.text));
    if (auto done = event->run(); !done) return done;
    if (!described.text.empty()) {
      if (auto done = text->bind(1, arrival).bind(2, std::string_view(described.text)).run(); !done) return done;
    }
    if (!entry->command.is_zero()) {
      if (auto done = command->bind(1, entry->command.view()).bind(2, arrival).run(); !done) return done;
    }
  }
  auto applied = database_->prepare("UPDATE meta SET value=?1 WHERE key='applied'");
  if (!applied) return failure(applied.error());
  return applied->bind(1, clamped(records.back().header.arrival)).run();
}

// Statements must be gone before heal() closes their connection, so each query is a function of its own.
SqlResult<std::vector<IndexRow>> Index::events(const IndexQuery& query) {
  const std::scoped_lock lock(mutex_);
  if (!database_) return std::vector<IndexRow>();
  return heal(select_events(query));
}
SqlResult<std::vector<model::Dot>> Index::command(const model::CommandId& id) {
  const std::scoped_lock lock(mutex_);
  if (!database_) return std::vector<model::Dot>();
  return heal(select_command(id));
}
SqlResult<std::vector<LastValue>> Index::last_values() {
  const std::scoped_lock lock(mutex_);
  if (!database_) return std::vector<LastValue>();
  return heal(select_last_values());
}

SqlResult<std::vector<IndexRow>> Index::select_events(const IndexQuery& query) {
  std::string match;
  std::vector<std::string> likes;
  for (const auto& word : words_of(query.text)) {
    if (characters(word) < trigram) {
      likes.push_back(like_pattern(word));
    } else {
      match += (match.empty() ? "" : " AND ") + quoted(word);
    }
  }
  std::string sql =
      "SELECT arrival, arrived_ms, author, incarnation, class, seq, time_ms, entity, record, via, text FROM events "
      "WHERE arrival > ?1 AND arrival < ?2";
  if (query.entity) sql += " AND entity = ?4";
  if (query.record) sql += " AND record = ?5";
  if (!match.empty()) sql += " AND arrival IN (SELECT rowid FROM events_text WHERE events_text MATCH ?6)";
  for (std::size_t i = 0; i < likes.size(); ++i) sql += fmt::format(" AND text LIKE ?{} ESCAPE '\\'", 7 + i);
  sql += query.newest_first ? " ORDER BY arrival DESC LIMIT ?3" : " ORDER BY arrival LIMIT ?3";
  auto select = database_->prepare(sql);
  if (!select) return failure(select.error());
  select->bind(1, clamped(query.after)).bind(2, clamped(query.before));
  select->bind(3, static_cast<std::int64_t>(std::min(query.limit, index_page_max)));
  if (query.entity) select->bind(4, std::string_view(*query.entity));
  if (query.record) select->bind(5, std::int64_t{*query.record});
  if (!match.empty()) select->bind(6, std::string_view(match));
  for (std::size_t i = 0; i < likes.size(); ++i) select->bind(static_cast<int>(7 + i), std::string_view(likes[i]));
  std::vector<IndexRow> rows;
  while (true) {
    const auto row = select->step();
    if (!row) return failure(row.error());
    if (!*row) return rows;
    IndexRow& out = rows.emplace_back();
    out.arrival = static_cast<std::uint64_t>(select->integer(0));
    out.arrived = utc_from_ms(select->integer(1));
    out.dot = dot_of(*select, 2);
    out.event.time = utc_from_ms(select->integer(6));
    out.event.entity = std::string(select->text(7));
    out.event.record = static_cast<std::uint16_t>(select->integer(8));
    out.event.via = static_cast<std::uint8_t>(select->integer(9));
    out.event.text = std::string(select->text(10));
  }
}

SqlResult<std::vector<model::Dot>> Index::select_command(const model::CommandId& id) {
  std::vector<model::Dot> dots;
  auto select = database_->prepare(
      "SELECT author, incarnation, class, seq FROM commands JOIN events USING(arrival) WHERE id = ?1 ORDER BY arrival");
  if (!select) return failure(select.error());
  select->bind(1, id.view());
  while (true) {
    const auto row = select->step();
    if (!row) return failure(row.error());
    if (!*row) return dots;
    dots.push_back(dot_of(*select, 0));
  }
}

SqlResult<void> Index::put_last_values(const std::vector<LastValue>& values) {
  const std::scoped_lock lock(mutex_);
  if (!database_) {
    if (auto done = make_anew(); !done) return done;
  }
  const auto put = [&]() -> SqlResult<void> {
    if (auto done = database_->execute("BEGIN"); !done) return done;
    auto insert = database_->prepare("INSERT OR REPLACE INTO last_values VALUES(?1,?2,?3,?4,?5)");
    if (!insert) return failure(insert.error());
    for (const auto& value : values) {
      insert->bind(1, std::string_view(value.subject)).bind(2, std::int64_t{value.kind});
      insert->bind(3, std::string_view(value.source)).bind(4, ms_of(value.time)).bind(5, ByteView(value.value));
      if (auto done = insert->run(); !done) return done;
    }
    return database_->execute("COMMIT");
  };
  auto done = put();
  if (!done) (void)database_->execute("ROLLBACK");
  return heal(std::move(done));
}

SqlResult<void> Index::prune_last_values(UtcTime until, std::size_t count_max) {
  const std::scoped_lock lock(mutex_);
  if (!database_) return {};
  const auto prune = [&]() -> SqlResult<void> {
    auto old = database_->prepare("DELETE FROM last_values WHERE time_ms < ?1");
    if (!old) return failure(old.error());
    if (auto done = old->bind(1, ms_of(until)).run(); !done) return done;
    auto more = database_->prepare(
        "DELETE FROM last_values WHERE time_ms < "
        "(SELECT time_ms FROM last_values ORDER BY time_ms DESC LIMIT 1 OFFSET ?1)");
    if (!more) return failure(more.error());
    return more->bind(1, static_cast<std::int64_t>(count_max) - 1).run();
  };
  return heal(prune());
}

SqlResult<std::vector<LastValue>> Index::select_last_values() {
  std::vector<LastValue> out;
  auto select = database_->prepare("SELECT subject, kind, source, time_ms, value FROM last_values");
  if (!select) return failure(select.error());
  while (true) {
    const auto row = select->step();
    if (!row) return failure(row.error());
    if (!*row) return out;
    out.push_back({std::string(select->text(0)), static_cast<std::uint16_t>(select->integer(1)),
                   std::string(select->text(2)), utc_from_ms(select->integer(3)), to_bytes(select->blob(4))});
  }
}

}  // namespace airbridge::store
