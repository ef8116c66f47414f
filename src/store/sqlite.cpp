#include "store/sqlite.hpp"

#include <sqlite3.h>

#include <utility>

namespace airbridge::store {
namespace {

constexpr int busy_ms = 2000;

SqlError error_of(sqlite3* handle) {
  SqlError out;
  out.what = sqlite3_errmsg(handle);
  switch (sqlite3_errcode(handle) & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      out.fault = SqlFault::Corrupt;
      break;
    case SQLITE_FULL:
      out.fault = SqlFault::Full;
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      out.fault = SqlFault::Busy;
      break;
    default:
      break;
  }
  return out;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  return *this;
}
Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
  return *this;
}
Statement& Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text(statement_, parameter, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::bind(int parameter, ByteView blob) {
  // A null pointer would bind NULL: an empty blob is not that.
  sqlite3_bind_blob(statement_, parameter, blob.empty() ? "" : static_cast<const void*>(blob.data()),
                    static_cast<int>(blob.size()), SQLITE_TRANSIENT);
  return *this;
}

SqlResult<bool> Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(error_of(sqlite3_db_handle(statement_)));
}

SqlResult<void> Statement::run() {
  while (true) {
    const auto row = step();
    if (!row) {
      reset();
      return failure(row.error());
    }
    if (!*row) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }
std::string_view Statement::text(int column) const {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return text == nullptr ? std::string_view()
                         : std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}
ByteView Statement::blob(int column) const {
  const auto* const bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {bytes, bytes == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

SqlResult<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) {
    return failure(handle == nullptr ? SqlError{SqlFault::Other, "out of memory"} : error_of(handle));
  }
  sqlite3_busy_timeout(handle, busy_ms);
  if (auto done = database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA trusted_schema=OFF");
      !done) {
    return failure(done.error());
  }
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}
Database::~Database() { sqlite3_close_v2(handle_); }

SqlResult<void> Database::execute(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(error_of(handle_));
  return {};
}

SqlResult<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK) {
    return failure(error_of(handle_));
  }
  return Statement(statement);
}

SqlError Database::error() const { return error_of(handle_); }

}  // namespace airbridge::store
