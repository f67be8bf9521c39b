// The store: a log of reading sets in SQLite, and in the same transactions everything that must agree with it
// (totals, delivery marks). Blocking; used from one thread of its own (one writing connection: SQLite 3.40 has a
// bug with two). An object of this class is either open or it is not made.
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

namespace flopwatt::store {

struct Settings {
  std::filesystem::path path;
  std::uint64_t max_size_bytes = std::uint64_t{1} << 30;
  std::chrono::microseconds max_age = std::chrono::hours(168);
  /// Names of the configured exporters. One that the store does not know starts at its end; marks of others are
  /// forgotten.
  std::vector<std::string> exporters;
  /// First seq of a new store: Unix time in microseconds. Given, so that tests can fix it.
  std::uint64_t first_seq = 0;
};

/// A figure that must survive a restart, by name ("scope/rack-r12/energy_j"). Owned by accounting.
using Totals = std::map<std::string, double>;

/// What an exporter has done so far, as saved with the last commit.
struct ExporterRecord {
  DeliveryMarks marks;
  std::uint64_t delivered = 0;  ///< readings acknowledged
  std::uint64_t dropped = 0;    ///< readings removed by the limits before they were delivered
};

/// What goes into one transaction.
struct Commit {
  std::vector<ReadingSet> sets;                  ///< in the order in which they get their seq
  Totals totals;                                 ///< only what changed; replaces
  std::map<std::string, ExporterRecord> exporters;  ///< delivered spans so far, by exporter; `dropped` is ignored
};

/// What the transaction did.
struct Committed {
  std::uint64_t first_seq = 0;     ///< of sets.front(); the others follow without a hole
  Span removed;                    ///< seqs that the size or age limit took out (empty: none)
  std::map<std::string, std::uint64_t> dropped;  ///< readings of `removed` that were not delivered, by exporter
  std::uint64_t total_readings = 0;  ///< ever stored in this store
  std::uint64_t size_bytes = 0;
  std::int64_t oldest_wall_us = 0;
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
  /// Opens or makes the file. A corrupt file is set aside as <path>.corrupt-<time> and a new one made. Fails where
  /// the directory cannot be written, the disk is full, the file is of a newer schema or another agent holds it.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const Settings& settings);

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();  ///< closes; every commit before it is already safe

  [[nodiscard]] const Opened& opened() const;

  /// One transaction. On a Fault nothing of it is in the store and it may be tried again; after an I/O error of
  /// fsync the database is closed and reopened by the next call, since what was written since is unknown.
  [[nodiscard]] Result<Committed> commit(const Commit& commit);

  /// Up to max_sets stored sets with seq in [span.first, span.last], ascending. Short: a read never blocks commits
  /// for longer than one chunk.
  [[nodiscard]] Result<std::vector<StoredSet>> read(Span span, std::size_t max_sets);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flopwatt::store
