// A connection to SQLite: prepared statements, errors as values. The first error sticks: after it all
// statements of the connection do nothing until clear_failure(). So a transaction is written without branches
// and checked once, before COMMIT. One thread.
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

/// A failure of the database, and its consequence.
struct Failure {
  enum class Cause : std::uint8_t {
    passing,  ///< full disk, locked file: the connection is good; try again
    damaged,  ///< the file is not what was written: set the file aside
    refused,  ///< the file can never be the store of this agent: leave it as it is
    broken,   ///< I/O error and everything else: the state of later writes is unknown; open the file again
  };
  Cause cause = Cause::broken;
  Fault fault;
};

class Database;

/// One prepared statement. Bind, then call run() or step(). Reusable after reset().
class Statement {
 public:
  Statement(Database& database, const char* sql);

  void bind(int index, std::int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view text);  ///< `text` must live until the statement is reset
  void bind(int index, std::span<const std::uint8_t> bytes);  ///< likewise

  /// Moves to the next row. False: no more rows, or a failure; the statement is then reset.
  bool step();
  /// Executes the statement to its end and ignores rows.
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

/// Mode of opening a file.
enum class Access : std::uint8_t {
  write,
  read,    ///< beside an agent that writes; needs its -wal and -shm files
  frozen,  ///< nobody writes: takes no lock and makes no file, so that the directory may be read-only
};

class Database {
 public:
  /// `path` must exist: create_durably() (files.h) makes the file with its mode.
  explicit Database(std::filesystem::path path, Access access = Access::write);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  void run(const char* sql);
  /// First column of the first row, 0 or "" without one.
  [[nodiscard]] std::int64_t integer(const char* sql);
  [[nodiscard]] std::string text(const char* sql);

  /// Copies the WAL into the main file, as far as readers allow.
  void checkpoint();
  /// Copies all of it. Fails where another program still reads an older state.
  void checkpoint_all();
  /// Writes main file and WAL as one database to `path`, an empty file, synced. A failure that is not `damaged` is
  /// one of writing there.
  void copy_to(const std::filesystem::path& path);
  /// Pages in the WAL after the last commit.
  [[nodiscard]] int wal_pages() const { return wal_pages_; }
  /// The destructor then leaves WAL and main file unchanged: after an error of fsync only the next opening
  /// may write pages again, from the WAL.
  void abandon();

  void rollback();

  [[nodiscard]] bool ok() const { return !failure_; }
  /// `tried`: "commit 28 reading sets to". Call only if !ok().
  [[nodiscard]] Failure failure(std::string_view tried) const;
  /// Fails with damage that SQLite does not see.
  void fail_as_damaged(std::string what);
  /// Fails where the file can only be read now.
  void fail_if_read_only();
  /// Fails because the file system cannot hold a store.
  void fail_for_file_system(std::string what);
  /// Whether the failure is a statement that a progress handler ended.
  [[nodiscard]] bool was_interrupted() const;
  /// Whether the failure is damage: other parts of the file may be readable.
  [[nodiscard]] bool found_damage() const;
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
