#pragma once
// SQLite as values that clean up after themselves. Errors are results, never exceptions. One thread at a time.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace airbridge::store {

enum class SqlFault { Corrupt, Full, Busy, Other };  // Corrupt: also "not a database"
struct SqlError {
  SqlFault fault = SqlFault::Other;
  std::string what;
};
template <class T>
using SqlResult = Result<T, SqlError>;

// A prepared statement. Parameters count from 1, columns from 0.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  Statement(const Statement&) = delete;
  ~Statement();

  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind(int parameter, ByteView blob);
  SqlResult<bool> step();  // true: a row is there
  SqlResult<void> run();   // steps to the end and makes ready for new parameters
  void reset();

  std::int64_t integer(int column) const;
  std::string_view text(int column) const;  // valid until the next step
  ByteView blob(int column) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  sqlite3_stmt* statement_;
};

class Database {
 public:
  // Opens or makes the file in WAL mode.
  static SqlResult<Database> open(const std::string& path);
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  Database(const Database&) = delete;
  ~Database();

  SqlResult<void> execute(const char* sql);
  SqlResult<Statement> prepare(std::string_view sql);
  SqlError error() const;

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  sqlite3* handle_;
};

}  // namespace airbridge::store
