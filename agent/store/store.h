// The store: a log of reading sets in SQLite, and in the same transactions everything that must agree with it
// (totals, delivery marks). Blocking; used from one thread of its own (one writing connection: SQLite 3.40
// has a bug with two). An object of this class is either open or it is not made.
//
// Durability: WAL with synchronous=FULL. What commit() returned survives SIGKILL and a power cut.
// The record: docs at the head of schema.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/store/delivery_marks.h"
#include "readings/reading_set.h"
#include "readings/result.h"
#include "readings/totals.h"

namespace flopwatt::store {

struct Settings {
  std::filesystem::path path;
  std::uint64_t max_size_bytes = std::uint64_t{1}
                                 << 30;  ///< main file and write-ahead log; less than 1 MiB counts as that
  std::chrono::microseconds max_age = std::chrono::hours(168);
  /// Names of the configured exporters. One that the store does not know starts at its end; marks of others
  /// are forgotten.
  std::vector<std::string> exporters;
  /// First seq of a new store: Unix time in microseconds. Given, so that tests can fix it.
  std::uint64_t first_seq = 0;
};

/// What an exporter has done so far, as saved with the last commit.
struct ExporterRecord {
  DeliveryMarks marks;
  std::uint64_t delivered = 0;  ///< readings acknowledged
  std::uint64_t dropped = 0;    ///< readings removed by the limits before they were delivered

  bool operator==(const ExporterRecord&) const = default;
};

/// What goes into one transaction.
struct Commit {
  std::vector<ReadingSet> sets;  ///< in the order in which they get their seq
  Totals totals;                 ///< only what changed; replaces; `absent` removes
  /// Delivered spans so far, by exporter (of Settings::exporters); `dropped` is ignored. Who is missing stays
  /// as it was.
  std::map<std::string, ExporterRecord> exporters;
};

/// What the transaction did.
struct Committed {
  std::uint64_t first_seq = 0;  ///< of sets.front(); the others follow without a hole
  Span removed;                 ///< seqs that the size or age limit took out (empty: none)
  std::map<std::string, std::uint64_t>
      dropped;  ///< readings of `removed` that were not delivered, by exporter
  std::map<std::string, std::uint64_t> backlog;  ///< readings that each exporter has still to deliver
  std::uint64_t total_readings = 0;              ///< ever stored in this store
  std::uint64_t size_bytes = 0;                  ///< main file and write-ahead log
  std::int64_t oldest_wall_us = 0;
  /// Where a file that became corrupt since the last commit was moved, "" normally. Its rows are in `removed`
  /// and `dropped`, as if a limit had taken them; totals and counts go on.
  std::string set_aside;
};

/// What a store holds when it is opened.
struct Opened {
  std::uint64_t next_seq = 0;
  std::uint64_t total_readings = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t oldest_wall_us = 0;  ///< 0: empty
  Totals totals;
  std::map<std::string, ExporterRecord> exporters;
  /// Readings that each exporter has still to deliver.
  std::map<std::string, std::uint64_t> backlog;
  std::string set_aside;  ///< where a corrupt file was moved, "" normally
};

class Store {
 public:
  /// Opens or makes the file. A corrupt file is set aside as <path>.corrupt-<time> and a new one made. Fails
  /// where the directory cannot be written, the disk is full, the file is of a newer schema or another agent
  /// holds it.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const Settings& settings);

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();  ///< closes; every commit before it is already safe

  [[nodiscard]] const Opened& opened() const;

  /// One transaction. On a Fault nothing of it is in the store and it may be tried again; after an I/O error
  /// the database is closed, since what was written since is unknown, and the next commit() opens it again. A
  /// file found corrupt is set aside by the next commit(), which goes on in a new one.
  ///
  /// Age is counted to the newest set committed, by the monotonic clock, across reboots by the wall clock
  /// where that did not go back: a step of the wall clock removes nothing. Old rows go in lumps (at most 1/64
  /// of a limit or a minute, 1 MiB) and, when a limit was lowered, over several commits. The newest set
  /// always stays.
  [[nodiscard]] Result<Committed> commit(const Commit& commit);

  /// Up to max_sets stored sets with seq in [span.first, span.last], ascending. Short: a read never blocks
  /// commits for longer than one chunk. A Fault while the database is closed (see commit()). Sets of an
  /// earlier boot have its monotonic clock.
  [[nodiscard]] Result<std::vector<StoredSet>> read(Span span, std::size_t max_sets);

  /// Makes the exporters those of `names`, as Settings::exporters does when a store is opened, and returns
  /// their records. Commits that name another one are a mistake from then on. A Fault while the database is
  /// closed, or where it cannot be written: nothing has changed then.
  [[nodiscard]] Result<std::map<std::string, ExporterRecord>> set_exporters(
      const std::vector<std::string>& names);

  /// The bounds of Settings; the next commits obey them.
  void set_limits(std::uint64_t max_size_bytes, std::chrono::microseconds max_age);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flopwatt::store
