#include "agent/store/database.h"

#include <sqlite3.h>

#include <system_error>
#include <utility>

namespace flopwatt::store {
namespace {

constexpr int primary_code(int code) { return code & 0xff; }

/// Another program may hold a lock for a moment (a backup, the sqlite3 shell); the thread may wait so long.
constexpr int busy_timeout_ms = 2000;

Failure::Cause cause_of(int code) {
  switch (primary_code(code)) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Failure::Cause::passing;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    // All statements are ours, so that one that does not fit means that the file is not.
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return Failure::Cause::damaged;
    case SQLITE_NOLFS:
      return Failure::Cause::refused;
    default:
      return Failure::Cause::broken;
  }
}

/// What was being done: "disk I/O error" alone does not say.
std::string_view doing(int code) {
  switch (code) {
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
      return " while syncing";
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_TRUNCATE:
      return " while writing";
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
      return " while reading";
    default:
      return "";
  }
}

std::string advice(int code, const std::filesystem::path& path) {
  const std::string directory = path.parent_path().empty() ? "." : path.parent_path().string();
  switch (primary_code(code)) {
    case SQLITE_FULL:
      return "make room on the file system of " + directory + " or lower store.max_size";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another program holds a lock on it: end that program";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return "the file is damaged and will be set aside";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "let the agent's user write it and in " + directory +
             ", and see whether its file system is mounted read-only";
    case SQLITE_NOLFS:
      return "set store.path to a file on a disk of this machine";
    case SQLITE_IOERR:
      return "see the kernel's log for errors of the disk under " + directory +
             ", or raise the limit on the size of a "
             "file (ulimit -f, LimitFSIZE= of the unit) where the error is that it is too large";
    default:
      return "see whether " + directory + " is healthy";
  }
}

/// For who only reads.
std::string reading_advice(int code, const std::filesystem::path& path) {
  switch (primary_code(code)) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
      return "the file is damaged, or is no store";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return "let this user read it and the files -wal and -shm beside it; where -shm is missing, copy the "
             "others to a directory that this user may write in";
    default:
      return advice(code, path);
  }
}

/// As SQLite takes it in a URI.
std::string uri_of(const std::filesystem::path& path) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : std::filesystem::absolute(path).string()) {
    if (c == '%' || c == '?' || c == '#') {
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', hex[byte >> 4U], hex[byte & 0xFU]};
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

Statement::Statement(Database& database, const char* sql) : database_(database) {
  if (!database_.ok()) return;
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v3(database.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  statement_.reset(statement);
}

void Statement::check(int code) { database_.check(code); }

void Statement::bind(int index, std::int64_t value) {
  if (database_.ok()) check(sqlite3_bind_int64(statement_.get(), index, value));
}

void Statement::bind(int index, double value) {
  if (database_.ok()) check(sqlite3_bind_double(statement_.get(), index, value));
}

void Statement::bind(int index, std::string_view text) {
  if (database_.ok())
    check(sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Statement::bind(int index, std::span<const std::uint8_t> bytes) {
  // A null pointer would bind NULL where an empty blob is meant.
  const void* data = bytes.empty() ? "" : static_cast<const void*>(bytes.data());
  if (database_.ok()) check(sqlite3_bind_blob64(statement_.get(), index, data, bytes.size(), SQLITE_STATIC));
}

bool Statement::step() {
  if (!database_.ok()) {
    reset();
    return false;
  }
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) check(code);
  reset();
  return false;
}

void Statement::run() {
  while (step()) {
  }
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

double Statement::number(int column) const { return sqlite3_column_double(statement_.get(), column); }

std::string Statement::text(int column) const {
  const auto data = bytes(column);
  return {data.begin(), data.end()};
}

std::span<const std::uint8_t> Statement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Database::open() {
  // NOMUTEX: one thread at a time, as the store promises to be used.
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (access_ == Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) |
                    (access_ == Access::frozen ? SQLITE_OPEN_URI : 0);
  sqlite3* handle = nullptr;
  const std::string name = access_ == Access::frozen ? uri_of(path_) : path_.string();
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  handle_.reset(handle);
  check(code);
}

Database::Database(std::filesystem::path path, Access access) : path_(std::move(path)), access_(access) {
  open();
  if (!ok()) return;
  sqlite3* const handle = handle_.get();
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  // In place of the hook that checkpoints by itself: that one swallows its errors.
  sqlite3_wal_hook(
      handle,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Database*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

Database::~Database() = default;

void Database::run(const char* sql) {
  if (ok()) check(sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr));
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Database::text(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : "";
}

void Database::checkpoint() {
  if (ok()) check(sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr));
}

void Database::checkpoint_all() {
  if (ok()) check(sqlite3_wal_checkpoint_v2(handle(), nullptr, SQLITE_CHECKPOINT_FULL, nullptr, nullptr));
}

void Database::copy_to(const std::filesystem::path& path) {
  if (!ok()) return;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE;
  sqlite3* opened = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  const std::unique_ptr<sqlite3, Close> copy(opened);
  // A copy that is not whole is thrown away: it needs no journal.
  if (code == SQLITE_OK)
    code = sqlite3_exec(opened, "PRAGMA journal_mode = OFF; PRAGMA synchronous = FULL", nullptr, nullptr,
                        nullptr);
  if (code == SQLITE_OK) {
    sqlite3_backup* const backup = sqlite3_backup_init(opened, "main", handle(), "main");
    if (backup != nullptr) sqlite3_backup_step(backup, -1);
    code = backup != nullptr ? sqlite3_backup_finish(backup) : sqlite3_extended_errcode(opened);
  }
  if (code == SQLITE_OK) return;
  const bool is_unreadable = code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ;
  const int system = opened != nullptr ? sqlite3_system_errno(opened) : 0;
  failure_ = Recorded{is_unreadable ? SQLITE_CORRUPT : code, sqlite3_errstr(code)};
  failure_->text += std::string(doing(code));
  if (system != 0 && !is_unreadable) failure_->text += " (" + std::generic_category().message(system) + ")";
}

void Database::abandon() {
  if (handle() != nullptr) sqlite3_db_config(handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Database::rollback() {
  // Many errors have rolled back already.
  if (handle() != nullptr && sqlite3_get_autocommit(handle()) == 0)
    sqlite3_exec(handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Database::check(int code) {
  if (code == SQLITE_OK || failure_) return;
  std::string text = handle() != nullptr ? sqlite3_errmsg(handle()) : sqlite3_errstr(code);
  text += doing(code);
  const int system = handle() != nullptr ? sqlite3_system_errno(handle()) : 0;
  const int primary = primary_code(code);
  if (system != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL))
    text += " (" + std::generic_category().message(system) + ")";
  failure_ = Recorded{code, std::move(text)};
}

void Database::fail_as_damaged(std::string what) {
  if (!failure_) failure_ = Recorded{SQLITE_CORRUPT, std::move(what)};
}

void Database::fail_if_read_only() {
  if (ok() && sqlite3_db_readonly(handle(), "main") == 1)
    failure_ = Recorded{SQLITE_READONLY, sqlite3_errstr(SQLITE_READONLY)};
}

void Database::fail_for_file_system(std::string what) {
  if (!failure_) failure_ = Recorded{SQLITE_NOLFS, std::move(what)};
}

bool Database::was_interrupted() const {
  return failure_ && primary_code(failure_->code) == SQLITE_INTERRUPT;
}

bool Database::found_damage() const {
  return failure_ && cause_of(failure_->code) == Failure::Cause::damaged;
}

Failure Database::failure(std::string_view tried) const {
  const Recorded& recorded = failure_.value();
  std::string message =
      "cannot " + std::string(tried) + " the store " + path_.string() + ": " + recorded.text + "; " +
      (access_ == Access::write ? advice(recorded.code, path_) : reading_advice(recorded.code, path_));
  return {cause_of(recorded.code), {FaultClass::device, std::move(message), recorded.code}};
}

}  // namespace flopwatt::store
