// The store's file format, version 2
//
// An SQLite 3 database in WAL mode; application_id "flpw", user_version = the version of this format.
//
//   reading_set    the log: a row is one reading set; rows follow each other without a gap but for `hole`
//     seq          names the set for ever together with the node; grows by one a row; begins at the Unix
//                  time in microseconds at which the store was made; the oldest go first, the newest stays
//     time         of the readings: Unix microseconds by the wall clock of then (it may have stepped)
//     source       row of `source`
//     total        readings (known values) stored up to and with this row, since the store was made: the
//                  readings of any run of rows are one subtraction, however long the run is
//     data         the readings: record.h
//   source         what the rows are of; a source that changes (identity, layout) gets a new row
//     description  canonical JSON: source_description.h
//     baseline     the values of the first set that was stored of it: f64 little-endian for each field,
//                  NaN = absent; at the end 4 bytes CRC
//   boot           the boots in which sets were read: their monotonic clocks
//     uuid         /proc/sys/kernel/random/boot_id
//     origin_us    time of the log = origin_us + monotonic clock: runs on through steps of the wall clock,
//                  and from boot to boot by the wall clock where that did not go back; age counts in it
//   exporter       what each exporter has still to deliver: all rows but those up to `low` and in `ranges`
//     registered   `total` of the log when the exporter was first seen, so that always
//                  (newest total) - registered = delivered + dropped + left_out + (readings still to deliver)
//     ranges       delivered runs above low: varints of first - end before it, last - first
//     left_out     readings that are not to be delivered (version 2)
//     held         sets still to be delivered although they are up to `low` or in `ranges`, by source:
//                  HeldSets::packed() (version 2)
//   total          figures of accounting that survive a restart
//   beginning      one row: first seq, and readings counted before it, of a log that has no rows yet
//   owner          the node whose agent writes the file: owner_table.h
//   aside          a damaged file before this one that is still read: aside.h
//   hole           seqs that name no set, first to last: holes.h. A file without this table is of a version that
//                  wrote no mark (seq_mark.h); the table is made when it is opened
//
// A CRC is the CRC-32 of the row: 8-byte integers little-endian, texts and blobs as they are, in the order of
// checksum() beside the code of each table. All that one commit changes is one transaction.
#include "agent/store/schema.h"

#include <sqlite3.h>

#include <chrono>
#include <string>

#include "agent/store/exporter_table.h"
#include "agent/store/holes.h"

namespace flopwatt::store {
namespace {

constexpr const char* tables = R"(
CREATE TABLE reading_set(
  seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, source INTEGER NOT NULL, total INTEGER NOT NULL,
  data BLOB NOT NULL) STRICT;
CREATE TABLE source(id INTEGER PRIMARY KEY, description TEXT NOT NULL UNIQUE, baseline BLOB NOT NULL) STRICT;
CREATE TABLE boot(
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, origin_us INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT;
CREATE TABLE exporter(
  name TEXT PRIMARY KEY, registered INTEGER NOT NULL, low INTEGER NOT NULL, ranges BLOB NOT NULL,
  delivered INTEGER NOT NULL, dropped INTEGER NOT NULL, crc INTEGER NOT NULL,
  left_out INTEGER NOT NULL DEFAULT 0, held BLOB NOT NULL DEFAULT x'') STRICT, WITHOUT ROWID;
CREATE TABLE total(name TEXT PRIMARY KEY, value REAL NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE beginning(first_seq INTEGER NOT NULL, first_total INTEGER NOT NULL) STRICT;
)";

using Clock = std::chrono::steady_clock;

int past_deadline(void* deadline) {
  return Clock::now() > *static_cast<const Clock::time_point*>(deadline) ? 1 : 0;
}

}  // namespace

FileKind kind_of_file(Database& database) {
  const std::int64_t version = database.integer("PRAGMA user_version");
  const std::int64_t application = database.integer("PRAGMA application_id");
  const bool has_tables = database.integer("SELECT count(*) FROM sqlite_schema") > 0;
  if (!has_tables && version == 0) return FileKind::empty;
  if (application != application_id) return FileKind::foreign;
  return version > schema_version ? FileKind::newer : FileKind::ours;
}

bool has_store_tables(Database& database) {
  return database.integer(
             "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('reading_set', "
             "'beginning')") == 2;
}

void set_pragmas(Database& database, FileKind kind, std::uint64_t wal_limit_bytes) {
  // Incremental: a file that is too large (a lower limit was configured, one huge transaction) can give pages
  // back without being copied.
  if (kind == FileKind::empty) database.run("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
  if (database.text("PRAGMA journal_mode = WAL") != "wal" && database.ok())
    database.fail_for_file_system(
        "its file system cannot share memory between processes, which a write-ahead log needs");
  // secure_delete (on in Debian) would write every removed page once more; cell_size_check looks for damage.
  for (const char* pragma :
       {"synchronous = FULL", "cache_size = -2048", "mmap_size = 0", "temp_store = MEMORY",
        "secure_delete = OFF", "cell_size_check = ON", "trusted_schema = OFF"})
    database.run(("PRAGMA " + std::string(pragma)).c_str());
  database.run(("PRAGMA journal_size_limit = " + std::to_string(wal_limit_bytes)).c_str());
}

void create_tables(Database& database, std::uint64_t first_seq) {
  database.run("BEGIN IMMEDIATE");
  database.run(tables);
  make_hole_table(database);
  {
    Statement insert(database, "INSERT INTO beginning(first_seq, first_total) VALUES (?1, 0)");
    insert.bind(1, static_cast<std::int64_t>(first_seq));
    insert.run();
  }
  database.run(("PRAGMA application_id = " + std::to_string(application_id) +
                "; PRAGMA user_version = " + std::to_string(schema_version))
                   .c_str());
  database.run("COMMIT");
  if (!database.ok()) database.rollback();
}

void take_over_older_version(Database& database) {
  if (database.integer("PRAGMA user_version") >= schema_version) return;
  database.run("BEGIN IMMEDIATE");
  take_over_exporters_of_version_1(database);
  database.run(("PRAGMA user_version = " + std::to_string(schema_version)).c_str());
  database.run("COMMIT");
  if (!database.ok()) database.rollback();
}

void check_structure(Database& database, double seconds) {
  auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  sqlite3_progress_handler(database.handle(), 10'000, past_deadline, &deadline);
  const std::string verdict = database.text("PRAGMA quick_check(1)");
  sqlite3_progress_handler(database.handle(), 0, nullptr, nullptr);
  if (database.was_interrupted())
    database.clear_failure();  // no damage as far as it looked
  else if (database.ok() && verdict != "ok")
    database.fail_as_damaged(verdict);
}

}  // namespace flopwatt::store
