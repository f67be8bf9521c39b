// One open database, from opening to the first error that makes its state doubtful. The store (store.cpp)
// keeps the last acknowledged state and decides the consequence of a failure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/store/aside.h"
#include "agent/store/boot_table.h"
#include "agent/store/database.h"
#include "agent/store/exporter_table.h"
#include "agent/store/holes.h"
#include "agent/store/open_files.h"
#include "agent/store/reading_log.h"
#include "agent/store/schema.h"
#include "agent/store/source_table.h"
#include "agent/store/store.h"
#include "agent/store/total_table.h"

namespace flopwatt::store {

/// The bounds of Settings, in pages.
struct Limits {
  std::uint64_t main_pages = 0;  ///< used pages above which the oldest rows are removed
  std::uint64_t wal_pages = 0;   ///< length of the WAL from which on it is copied into the main file
  std::chrono::microseconds max_age{0};

  [[nodiscard]] static Limits of(const Settings& settings);
};

/// State of the log at the last acknowledged commit.
struct LogState {
  std::uint64_t first_seq = 1;  ///< of the oldest row; next_seq: no rows
  std::uint64_t last_seq = 0;   ///< of the newest row; below first_seq: no rows
  std::uint64_t next_seq = 1;   ///< last_seq + 1, or behind a hole above it
  Holes holes;                  ///< above first_seq
  std::uint64_t total = 0;      ///< readings ever stored
  std::uint64_t removed = 0;    ///< of these, readings before first_seq
  std::int64_t oldest_wall_us = 0;
  std::optional<Newest> newest;
  Exporters exporters;
  /// Some rows are unreadable, or were. What an exporter passes without delivering it is then settled with
  /// each commit.
  bool has_unreadable = false;
  /// A file that was set aside and is still read: its log comes before that of this file. See aside.h.
  std::optional<Aside> aside;

  /// What is below it is neither stored nor still to be delivered.
  [[nodiscard]] std::uint64_t first_owed() const { return aside ? aside->seqs.first : first_seq; }
  [[nodiscard]] bool has_rows() const { return first_seq <= last_seq; }
  [[nodiscard]] std::uint64_t rows() const {
    return has_rows() ? last_seq - first_seq + 1 - holes.within({first_seq, last_seq}) : 0;
  }
};

/// Removed rows, and the number of their readings that each exporter had not delivered.
struct Removal {
  Span span;
  std::map<std::string, std::uint64_t> dropped;

  void merge(const Removal& later);
};

class Session {
 public:
  struct OpenOptions {
    std::filesystem::path path;
    Limits limits;
    std::string boot_uuid;
    std::uint64_t first_seq = 1;   ///< of a new file
    bool check_structure = false;  ///< at the start of the agent only
    /// See marked_schema() (seq_mark.h): a header that says otherwise is damaged.
    std::optional<std::int64_t> marked_schema;
    std::string node;                 ///< see Settings
    std::optional<Span> marked_seqs;  ///< see seqs_of_this_file() (seq_mark.h)
  };

  [[nodiscard]] static Result<std::unique_ptr<Session>, Failure> open(const OpenOptions& options);

  /// The state when the file was opened.
  [[nodiscard]] const LogState& found() const { return found_; }
  [[nodiscard]] const Totals& found_totals() const { return found_totals_; }

  /// As they were when it was opened.
  [[nodiscard]] const OpenFiles& files() const { return files_; }
  /// Of its main file, with what is still in the write-ahead log.
  [[nodiscard]] std::uint64_t bytes();
  /// See Database. A failure to write the copy is `passing`: nothing is wrong with this database.
  [[nodiscard]] Result<Done, Failure> copy_to(const std::filesystem::path& path);
  [[nodiscard]] Result<Done, Failure> checkpoint_all();

  [[nodiscard]] std::uint64_t log_bytes() const {
    return static_cast<std::uint64_t>(database_->wal_pages()) * page_size;
  }

  /// Whether the file was just made, or is of a version without holes and marks.
  [[nodiscard]] bool is_new() const { return is_new_; }
  [[nodiscard]] bool is_without_marks() const { return is_without_marks_; }

  /// The highest seq of unreadable rows behind the newest whole one; 0: there are none. They go with jump_to().
  [[nodiscard]] std::uint64_t unreadable_end() const { return unreadable_end_; }

  /// The next set gets `next_seq`, which is not below that of `state`. Brought into the main file, so that
  /// damage to the write-ahead log does not undo it.
  [[nodiscard]] Result<Done, Failure> jump_to(std::uint64_t next_seq, LogState& state);

  /// Takes over what was read of the damaged file that this new one replaces. Exporters of `names` whose record
  /// could not be read have its whole log still to deliver. `state` and `totals` are what was found here.
  [[nodiscard]] Result<Done, Failure> adopt(const Salvaged& salvaged, const std::vector<std::string>& names,
                                            LogState& state, Totals& totals);

  /// The file of LogState::aside is gone.
  [[nodiscard]] Result<Done, Failure> give_up_aside(LogState& state);

  /// The log that LogState::aside names; nullptr: it cannot be read. Outlives the session's use.
  void read_aside_from(AsideLog* log) { aside_log_ = log; }

  /// What exporters that are not among `names` have not delivered; nothing of those that have delivered all.
  [[nodiscard]] std::vector<ForgottenExporter> owed_to_others(const std::vector<std::string>& names,
                                                              const LogState& state);

  /// Sets the exporters of `state` to `names`. A new one starts at the end of the log.
  [[nodiscard]] Result<Done, Failure> register_exporters(const std::vector<std::string>& names,
                                                         LogState& state);

  /// After a failure: makes file and `state` agree with the acknowledged state. The file may have more rows
  /// (a commit that was not acknowledged) or fewer (a new file in place of a damaged one, which is `aside` if
  /// it can be read).
  [[nodiscard]] Result<Removal, Failure> continue_from(LogState& state, const Totals& totals,
                                                       const Commit& commit,
                                                       const std::optional<Aside>& aside);

  /// One transaction. Changes `state` only if the transaction was committed.
  [[nodiscard]] Result<Committed, Failure> commit(const Commit& commit, LogState& state);

  void set_limits(const Limits& limits) { limits_ = limits; }

  [[nodiscard]] Result<Done, Failure> checkpoint_if_due();

  [[nodiscard]] Result<std::vector<StoredSet>, Failure> read(Span span, std::size_t max_sets,
                                                             const LogState& state);

  [[nodiscard]] Result<std::vector<StoredSet>, Failure> read_before(std::uint64_t end, std::size_t max_sets,
                                                                    const LogState& state);

  /// Unreadable sets that were not told before.
  [[nodiscard]] std::vector<UnreadableSets> take_unreadable();

  /// Readings that an exporter has not delivered yet; without those that are set aside.
  [[nodiscard]] std::uint64_t backlog(const Exporter& exporter, const LogState& state);

  /// See Database::abandon().
  void abandon() { database_->abandon(); }

 private:
  class Transaction;
  Session(std::unique_ptr<Database> database, const OpenOptions& options);

  void load_state();
  void load_newest();
  void load_oldest();
  void begin_at(std::uint64_t seq, std::uint64_t total);
  void append(const std::vector<ReadingSet>& sets, LogState& state);
  /// Whether every exporter has passed the file that was set aside, which is then forgotten.
  [[nodiscard]] bool finish_aside(LogState& state);
  void take_marks(const std::map<std::string, ExporterRecord>& records, LogState& state);
  /// Counts as dropped what is neither delivered nor still to deliver. Returns its readings.
  [[nodiscard]] std::uint64_t settle(Exporter& exporter, const LogState& state);
  [[nodiscard]] std::map<std::string, std::uint64_t> settle_all(LogState& state);
  [[nodiscard]] Result<Done, Failure> read_aside(Span span, std::size_t max_sets, const LogState& state,
                                                 std::vector<StoredSet>& sets);
  [[nodiscard]] std::string reason_of(std::int64_t source) const;
  void note_unreadable(std::uint64_t seq, const std::string& reason);
  void note_missing(Span seqs, const LogState& state);
  void save_exporters(const Exporters& before, const Exporters& after);
  void read_oldest(LogState& state);

  // limits.cpp
  [[nodiscard]] Removal apply_limits(std::size_t new_sets, LogState& state);
  [[nodiscard]] std::uint64_t expired_through(std::uint64_t budget, const LogState& state);
  void apply_size_limit(std::uint64_t budget, LogState& state, Removal& removal);
  void remove_through(std::uint64_t seq, LogState& state, Removal& removal);
  void remove_aside(LogState& state, Removal& removal);
  /// Readings of held sets in the span, by exporter; they are held no more.
  [[nodiscard]] std::map<std::string, std::uint64_t> remove_held(Span span, LogState& state);
  [[nodiscard]] std::uint64_t total_through(std::uint64_t seq, const LogState& state);
  [[nodiscard]] std::uint64_t undelivered(const DeliveryMarks& marks, Span span, const LogState& state);

  /// Returns and clears the failure, so that the connection can be used again.
  [[nodiscard]] Failure take_failure(const std::string& tried);

  Limits limits_;
  std::unique_ptr<Database> database_;
  OpenFiles files_;
  SourceTable sources_;
  AsideLog* aside_log_ = nullptr;
  BootTable boots_;
  ReadingLog log_;
  TotalTable totals_;
  Statement page_count_, free_pages_;
  LogState found_;
  Totals found_totals_;
  bool is_new_ = false, is_without_marks_ = false;
  std::uint64_t unreadable_end_ = 0;  ///< highest seq above the newest whole row; 0: none
  std::vector<UnreadableSets> unreadable_;
  std::set<std::uint64_t> told_seqs_;  ///< bounded
  Bytes buffer_;
};

}  // namespace flopwatt::store
