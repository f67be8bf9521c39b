// The store: a log of reading sets in SQLite. The same transactions hold all that must agree with the log:
// totals and delivery marks. Blocking; one thread of its own, with one writing connection (SQLite 3.40 has a
// bug with two).
//
// Durability: WAL with synchronous=FULL. A commit that commit() has returned survives SIGKILL and a power
// cut. A seq never names two sets, also where a file is damaged, removed or an older copy: the mark beside
// the store (seq_mark.h) says what was given out. schema.cpp describes the file format, record.h a row.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/store/delivery_marks.h"
#include "agent/store/held_sets.h"
#include "readings/reading_set.h"
#include "readings/result.h"
#include "readings/totals.h"

namespace flopwatt::store {

struct Settings {
  std::filesystem::path path;
  /// Main file and write-ahead log; at least 1 MiB.
  std::uint64_t max_size_bytes = std::uint64_t{1} << 30;
  std::chrono::microseconds max_age = std::chrono::hours(168);
  /// Names of the configured exporters. A new one starts at the end of the log; marks
  /// of others are forgotten.
  std::vector<std::string> exporters;
  /// Lowest first seq of a new store, and lowest next seq after a jump: Unix time in microseconds. A setting,
  /// so that tests can fix it.
  std::uint64_t first_seq = 0;
  /// Name of the node, which the file keeps: a store of another node, or one beside which the write-ahead log of
  /// another was copied, is refused. A node that was renamed takes its store along. "": not looked at.
  std::string node;
};

/// State of an exporter, saved with each commit.
struct ExporterRecord {
  DeliveryMarks marks;
  std::uint64_t delivered = 0;  ///< readings acknowledged
  std::uint64_t dropped = 0;    ///< readings that were removed by the limits, or unreadable, before delivery
  std::uint64_t left_out = 0;   ///< readings that are not to be delivered
  HeldSets held{};              ///< marked, and yet to be delivered

  bool operator==(const ExporterRecord&) const = default;
};

/// The contents of one transaction.
struct Commit {
  std::vector<ReadingSet> sets;  ///< in the order in which they get their seq
  Totals totals;                 ///< only what changed; replaces; `absent` removes
  /// What is delivered, left out and held so far, by exporter (of Settings::exporters); `dropped` is ignored.
  /// An exporter that is not named stays unchanged.
  std::map<std::string, ExporterRecord> exporters;
};

/// Stored sets that cannot be read any more. The rest of the file is good. They stay part of the backlog until
/// an exporter comes to them, and are then counted as dropped for that exporter.
struct UnreadableSets {
  Span seqs;               ///< from the first to the last of them; whole sets may be between
  std::uint64_t sets = 0;  ///< so far; 0: not known
  std::string reason;      ///< "the checksum is wrong", "the description of source 3 is missing"

  bool operator==(const UnreadableSets&) const = default;
};

/// What becomes of a file that was set aside.
struct AsideState {
  /// What was not delivered of it is read from it, under its own seqs, before anything newer. If not, what was
  /// not delivered is in `removed` and `dropped`, as if a limit had removed it.
  bool is_read = false;
  /// An earlier file that was still read, and is not any more; "": none. What was not delivered of it is dropped.
  std::string given_up;
  bool lacks_totals = false;  ///< at a start: totals were unreadable, and begin at 0

  bool operator==(const AsideState&) const = default;
};

/// Files of the store that were removed, moved or replaced while it was open, and are in place again.
struct PutBack {
  std::string file;       ///< path of the store; "": nothing of the kind
  bool main = false;      ///< the main file was; else only the write-ahead log or its shared memory
  std::string strangers;  ///< new path of files that lay in their place; "": none
  /// Why nothing of it could be read any more; "": all of it is in place. What was not delivered of it is then in
  /// `removed` and `dropped`.
  std::string lost;

  bool operator==(const PutBack&) const = default;
};

/// An exporter that is configured no more, and that is forgotten with readings that it had not delivered.
struct ForgottenExporter {
  std::string name;
  std::uint64_t readings = 0;
  std::optional<std::int64_t> since_us;  ///< time of the oldest; nullopt: not known

  bool operator==(const ForgottenExporter&) const = default;
};

struct Opened;

/// The effect of one transaction.
struct Committed {
  std::uint64_t first_seq = 0;  ///< of sets.front(); the others follow without a hole
  Span removed;                 ///< seqs that the size or age limit removed (empty: none)
  /// Undelivered readings of `removed`, and unreadable ones that an exporter has passed, by exporter.
  std::map<std::string, std::uint64_t> dropped;
  std::map<std::string, std::uint64_t> backlog;  ///< readings still to be delivered, by exporter
  std::map<std::string, HeldSets> held;          ///< without `removed`, by exporter, where that is not empty
  std::uint64_t total_readings = 0;              ///< ever stored in this store
  std::uint64_t size_bytes = 0;                  ///< main file and write-ahead log
  std::int64_t oldest_wall_us = 0;
  /// New path of a file that became corrupt since the last commit; "" normally. Totals and counts go on.
  std::string set_aside;
  AsideState aside;  ///< of set_aside
  std::string
      aside_done;    ///< path of a file of which nothing is left to deliver since this commit; "" normally
  PutBack put_back;  ///< since the last commit
  std::vector<UnreadableSets> unreadable;  ///< found since the last commit
  /// The write-ahead log, and how long it grows by itself. Much more: another program reads the store in one long
  /// transaction, so that the log cannot be brought into the main file, and max_size_bytes cannot be kept.
  std::uint64_t log_bytes = 0, usual_log_bytes = 0;
  /// What the first opening has found, where that was later than the start (Opened::down); null otherwise.
  std::shared_ptr<const Opened> late;
};

/// A start at which it was not certain that every set that was given out is in the store. Its next seq is
/// above all that may have been given out, and at least Settings::first_seq.
struct SeqJump {
  std::string reason;                      ///< "the mark beside the store is missing"
  std::optional<std::uint64_t> lost_sets;  ///< that are missing; nullopt: not known

  bool operator==(const SeqJump&) const = default;
};

/// State of a store when it is opened.
struct Opened {
  /// Why the store cannot be opened now: the disk is full, may only be read or fails. commit() tries again. The
  /// rest is what could be read meanwhile; next_seq is not final. "": it is open.
  std::string down;
  /// There is something in the file, and it could not be read: all below begins as if it were new. The commit
  /// that opens the store leaves out its totals and exporters, and Committed::late has what to go on from.
  bool is_unknown = false;
  std::uint64_t next_seq = 0;
  std::uint64_t total_readings = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t oldest_wall_us = 0;  ///< 0: empty
  Totals totals;
  std::map<std::string, ExporterRecord> exporters;
  /// Readings still to be delivered, by exporter; what an exporter set aside is not among them.
  std::map<std::string, std::uint64_t> backlog;
  std::vector<ForgottenExporter> forgotten;
  std::string set_aside;  ///< new path of a corrupt file; "" normally
  AsideState aside;       ///< of set_aside, or of a file set aside earlier
  /// Where a file was set aside, that of its sets; not told where it cannot be read.
  std::optional<SeqJump> seq_jump;
};

class Store {
 public:
  /// Opens or makes the file. Sets a corrupt file aside as <path>.corrupt-<time> and makes a new one, which takes
  /// over what can be read: totals, records of exporters, and what they have not delivered. A disk that cannot be
  /// written now is no fault: see Opened::down. Fails
  /// if the directory cannot be written, the disk is full, the file has a newer schema, or another agent
  /// holds the store.
  [[nodiscard]] static Result<std::unique_ptr<Store>> open(const Settings& settings);

  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();  ///< closes the file; all commits are safe already. The next opening goes on by one

  [[nodiscard]] const Opened& opened() const;

  /// One transaction. On a Fault nothing of it is in the store, and the caller may try again. After an I/O
  /// error the state of later writes is unknown, so the database is closed, and the next commit() opens it
  /// again. If the file is found corrupt, the next commit() sets it aside and goes on in a new file. read() then
  /// reads from both, until every exporter has passed what was set aside. At most one such file is read.
  ///
  /// Files that were removed, moved or replaced since the last commit are put back first: see PutBack. Where they
  /// cannot be now (a full disk, a directory that is gone), it is a Fault, and the next commit tries again.
  ///
  /// The age limit counts to the newest committed set, by the monotonic clock, and across reboots by the wall
  /// clock if that did not go back: a step of the wall clock removes nothing. Old rows are removed in lumps
  /// (at most 1/64 of a limit or a minute, 1 MiB), and over several commits when a limit was lowered. The
  /// newest set always stays.
  [[nodiscard]] Result<Committed> commit(const Commit& commit);

  /// Up to max_sets stored sets with seq in [span.first, span.last], ascending, without those that are
  /// unreadable. None: there is nothing to read in the whole span, as in a hole that a jump of the numbering
  /// left, or below the oldest set. A read blocks commits for at
  /// most one chunk. Fails while the database is closed (see commit()). Sets of an earlier boot have the
  /// monotonic clock of that boot.
  [[nodiscard]] Result<std::vector<StoredSet>> read(Span span, std::size_t max_sets);

  /// The newest sets with a seq below `end`, at most max_sets, ascending. As read() otherwise.
  [[nodiscard]] Result<std::vector<StoredSet>> read_before(std::uint64_t end, std::size_t max_sets);

  /// Sets the exporters to `names`, as Settings::exporters does at opening, and returns their
  /// records. Later commits must not name others. Fails while the database is closed or cannot be
  /// written; nothing changes then.
  [[nodiscard]] Result<std::map<std::string, ExporterRecord>> set_exporters(
      const std::vector<std::string>& names);

  /// Sets the bounds of Settings for the next commits.
  void set_limits(std::uint64_t max_size_bytes, std::chrono::microseconds max_age);

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flopwatt::store
