// The intake: where all drivers hand in their readings. Knows every source, its newest set and its counters,
// and collects the sets of the present commit interval. An accelerator's sets are completed with the work
// that was counted for it (see work_columns.h). Metering loop only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/daemon/work_columns.h"
#include "config/config.h"
#include "drivers/driver.h"
#include "exporters/push_exporter.h"
#include "exporters/snapshot.h"

namespace flopwatt::daemon {

/// Counts durations in buckets; agent-wide, so one look at the bounds a poll.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(std::chrono::microseconds duration);
  [[nodiscard]] const HistogramState& state() const { return state_; }

 private:
  HistogramState state_;
};

class ReadingIntake final : public Intake {
 public:
  /// `scopes`: of the configuration; lines of counted work may be for them.
  explicit ReadingIntake(std::vector<ScopeConfig> scopes = {});

  SourceId add(SourcePtr source) override;
  void describe(SourceId id, SourcePtr source) override;
  void accept(SourceId id, ReadingSet set, std::chrono::microseconds lateness,
              std::chrono::microseconds duration) override;
  void fail(SourceId id, Fault fault, std::chrono::microseconds lateness,
            std::chrono::microseconds duration) override;
  void skip(SourceId id, std::uint64_t beats) override;
  void remove(SourceId id) override;

  /// Where counted work is handed in.
  [[nodiscard]] WorkIntake& work() { return work_columns_; }
  /// The scopes of a reloaded configuration. What was counted stays.
  void set_scopes(std::vector<ScopeConfig> scopes) { work_columns_.set_scopes(std::move(scopes)); }

  /// The sets since the last call, in the order of their arrival, then those of work that was counted for
  /// scopes, as of `now`.
  [[nodiscard]] std::vector<ReadingSet> take_batch(Moment now);

  /// Names of sources that were removed, did not come back, and have been silent for as long as makes a
  /// source stale: a driver that starts again removes its sources and adds them again. Each name is returned
  /// once.
  [[nodiscard]] std::vector<std::string> take_gone(Moment now);

  /// Marks sources stale whose last good reading is too old. True if the status of any source has changed
  /// since the last call (also by coming up).
  bool update_status(Moment now);
  [[nodiscard]] std::vector<SourceStatus> status() const;

  [[nodiscard]] std::vector<SourceState> states(Moment now) const;
  [[nodiscard]] bool all_polled() const;
  [[nodiscard]] const HistogramState& poll_duration() const { return duration_.state(); }
  [[nodiscard]] const HistogramState& poll_lateness() const { return lateness_.state(); }

 private:
  struct Entry {
    SourcePtr source;
    std::shared_ptr<const ReadingSet> newest;
    std::uint64_t polls = 0, skipped = 0;
    FaultCounts failures;
    std::string last_fault;
    SourceStatus status;
    bool removed = false;  // an id is not used again, so its place stays
  };

  void count_poll(Entry& entry, std::chrono::microseconds lateness, std::chrono::microseconds duration);
  void set_up(Entry& entry, bool up, std::int64_t wall_us);
  void set_source(Entry& entry, SourcePtr source);

  struct Leaving {
    SourcePtr source;
    std::shared_ptr<const ReadingSet> newest;
  };

  std::vector<Entry> entries_;
  std::vector<Leaving> leaving_;  // removed, and not yet returned by take_gone()
  WorkColumns work_columns_;
  std::vector<ReadingSet> batch_;
  Histogram duration_, lateness_;
  bool status_changed_ = false;
};

}  // namespace flopwatt::daemon
