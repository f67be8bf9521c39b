// SQLite as the store uses it: one connection, prepared statements, errors as values. The first error sticks:
// after it every statement of the connection does nothing until clear_failure(), so that a transaction is
// written as straight lines and looked at once, before COMMIT.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "readings/fault.h"
#include "readings/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace flopwatt::store {

/// Why the store could not do something, and what follows from it.
struct Failure {
  enum class Cause : std::uint8_t {
    passing,  ///< full disk, locked file: the connection is good, trying again may help
    damaged,  ///< the file is not what was written: it is set aside
    broken,   ///< input/output error and all else: nothing written since is known; open it again
  };
  Cause cause = Cause::broken;
  Fault fault;
};

class Database;

/// One prepared statement. Bind, then run() or step(); used again after it has been reset.
class Statement {
 public:
  Statement(Database& database, const char* sql);

  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view text);                ///< must live until the statement is reset
  void bind(int index, std::span<const std::uint8_t> bytes);  ///< likewise

  /// The next row. False: no more, or a failure; the statement is then reset.
  bool step();
  /// All of it; rows are not looked at.
  void run();
  void reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::uint64_t natural(int column) const {
    return static_cast<std::uint64_t>(integer(column));
  }
  [[nodiscard]] double number(int column) const;
  [[nodiscard]] std::string text(int column) const;
  /// Valid until the next step() or reset().
  [[nodiscard]] std::span<const std::uint8_t> bytes(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  void check(int code);

  Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// How a file is opened.
enum class Access : std::uint8_t {
  write,
  read,    ///< beside the agent that writes; needs its -wal and -shm files
  frozen,  ///< nobody writes it: no lock is taken and no file made, so that its directory may be read-only
};

class Database {
 public:
  /// `path` must exist: making it durable and with its mode is not SQLite's business.
  explicit Database(std::filesystem::path path, Access access = Access::write);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  void run(const char* sql);
  /// First column of the first row, 0 or "" without one.
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);

  /// Brings the WAL into the main file as far as nobody reads it.
  void checkpoint();
  /// Pages in the WAL after the last commit.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }
  /// Leaves WAL and main file as they are when this is destroyed: after an error of fsync only the next
  /// opening may write pages again, from the WAL.
  void abandon();

  void rollback();

  [[nodiscard]] bool ok() const { return !failure_; }
  /// `tried`: "commit 28 reading sets to". Only where !ok().
  [[nodiscard]] Failure failure(std::string_view tried) const;
  /// Notes that what SQLite holds to be in order cannot be ours.
  void fail_as_damaged(std::string what);
  /// Notes that the file system cannot hold a store.
  void fail_for_file_system(std::string what);
  /// Whether the failure is that a progress handler ended a statement.
  [[nodiscard]] bool was_interrupted() const;
  void clear_failure() { failure_.reset(); }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct Recorded {
    int code = 0;
    std::string text;
  };
  void check(int code);

  void open();

  std::filesystem::path path_;
  Access access_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::optional<Recorded> failure_;
  int wal_pages_ = 0;
};

}  // namespace flopwatt::store
