// The work columns: what workloads have counted, for each accelerator and scope. It completes the reading
// sets of accelerators with that work and with the work of the best method that is offered, and makes the
// reading sets of the work that was counted for scopes as a whole. Metering loop only.
//
// Columns that it appends to an accelerator's set, once there was a line: counted_work of each precision seen so
// far and of all, what of it was told by when (work_tally.h), the same of model_work; then `work` and `method`.
//
// The peak of a target, which bounds what is counted for it: that of the accelerator, or the sum over the
// accelerators in the scope. An accelerator whose peak is not known has accounting::possible_flop_per_second,
// and so has a scope without accelerators.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/accounting/work.h"
#include "agent/daemon/work_tally.h"
#include "config/config.h"
#include "drivers/driver.h"

namespace flopwatt::daemon {

class WorkColumns final : public WorkIntake {
 public:
  explicit WorkColumns(std::vector<ScopeConfig> scopes) { set_scopes(std::move(scopes)); }

  /// The scopes of a configuration that was loaded anew. Those that stay keep what was counted.
  void set_scopes(std::vector<ScopeConfig> scopes);

  /// A source exists, or describes itself anew. How its completed sets are laid out; `source` itself where it
  /// is no accelerator.
  SourcePtr describe(SourceId id, const SourcePtr& source);
  /// Its count goes on where another source takes its name.
  void remove(SourceId id);
  /// Appends the columns of work to an accelerator's set; its source becomes the completed one.
  void complete(SourceId id, ReadingSet& set);

  /// The sets of scopes for which lines have come: at each call in which something was counted, else one a
  /// second. Once nothing has been told for longest_told: none until the next line.
  void append_scope_sets(Moment now, std::vector<ReadingSet>& batch);

  [[nodiscard]] std::optional<WorkTarget> find_accelerator(std::string_view who) const override;
  [[nodiscard]] std::optional<WorkTarget> find_scope(std::string_view name) const override;
  void count(const WorkTarget& target, const WorkLine& line) override;

 private:
  struct Tallies {
    WorkTally counted{WorkKind::hardware}, model{WorkKind::model};

    [[nodiscard]] WorkTally& of(WorkKind kind) { return kind == WorkKind::model ? model : counted; }
    [[nodiscard]] std::size_t precision_count() const {
      return counted.precision_count() + model.precision_count();
    }
    void advance(std::int64_t now_us);
    void append_fields(std::vector<Field>& fields) const;
    void append_values(std::vector<double>& values, std::int64_t time_us) const;
  };
  /// What completes the sets of one accelerator.
  struct AcceleratorWork {
    SourcePtr told;       // as the driver describes it
    SourcePtr completed;  // with the columns of work, as many as there are precisions
    std::size_t precision_count = 0;
    std::optional<std::size_t> pipe_work, estimated_work;  // columns of `told`
    std::vector<std::size_t> peak_rates;
    Tallies tallies;
    // The highest of the newest set.
    double peak_rate = accounting::possible_flop_per_second;
    std::int64_t pipe_known_us = 0;   // of the newest set with pipe_work
    std::vector<std::size_t> scopes;  // ids of those in which its work counts
  };
  struct ScopeWork {
    std::string name;
    bool exists = true;
    SourcePtr source;
    std::size_t precision_count = 0;
    Tallies tallies;
    double peak_rate = accounting::possible_flop_per_second;
    bool counted = false;      // since the last set
    std::int64_t line_us = 0;  // time of the last line, 0: none yet
    std::int64_t told_us = 0;  // time of the last set
  };
  struct BestWork {
    double work = absent;
    Method method = Method::none;
  };

  template <class Matches>
  [[nodiscard]] std::optional<WorkTarget> find_entry(Matches matches) const;
  void complete_source(AcceleratorWork& entry);
  void follow_peak(AcceleratorWork& entry, const ReadingSet& set);
  [[nodiscard]] static BestWork best_work(AcceleratorWork& entry, const ReadingSet& set);
  /// Ids of the innermost scope to which it belongs and of all around that one.
  [[nodiscard]] std::vector<std::size_t> scopes_of(const std::string& accelerator) const;
  void sum_peak_rates();
  [[nodiscard]] std::size_t id_of_scope(const std::string& name) const;
  [[nodiscard]] static ReadingSet scope_set(ScopeWork& entry, Moment now);

  std::vector<ScopeConfig> scopes_;
  std::vector<ScopeWork> scope_work_;  // by id; an id is not used again
  std::vector<std::unique_ptr<AcceleratorWork>>
      accelerators_;                     // by SourceId; null: no accelerator, or removed
  std::map<std::string, Tallies> kept_;  // of accelerators that were removed, by name
};

}  // namespace flopwatt::daemon
