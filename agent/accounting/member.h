// One source as accounting sees it: which columns of its sets hold energy and work, and what they have told
// so far.
//
// Columns are looked up when the source describes itself anew (another Source), never for a reading.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/accounting/accounting.h"
#include "agent/accounting/energy.h"
#include "agent/accounting/track.h"
#include "agent/accounting/work.h"
#include "readings/reading_set.h"

namespace flopwatt::accounting {

/// What a set adds to the totals of the scopes that hold the source.
struct Growth {
  EnergyGrowth energy;
  WorkGrowth work;
};

class Member {
 public:
  /// `restored`: totals of an earlier run, in which the source may have left its last register reading.
  /// `first_time`: of the first set, which ties the wall time in there to the monotonic clock.
  Member(SourcePtr source, const Totals& restored, Moment first_time);

  /// Another description of the same source. A changed serial number or uuid begins a new epoch of its
  /// counters.
  void describe(SourcePtr source);

  /// Sets of one source ascend in time; one that does not is ignored.
  Growth add(const ReadingSet& set, const Retention& retention);

  [[nodiscard]] const Source& source() const { return *source_; }
  [[nodiscard]] bool is_accelerator() const { return source_->kind == SourceKind::accelerator; }
  [[nodiscard]] bool is_stale(std::int64_t now_us) const;
  /// Up to here everything is decided: known, or a gap.
  [[nodiscard]] std::int64_t reached_us() const;
  /// Power of the newest set; `absent` where it has none, or where it contradicts the ones before.
  [[nodiscard]] double power() const;
  [[nodiscard]] const EnergySeries& energy() const { return energy_; }
  [[nodiscard]] const WorkSeries& work() const { return work_; }

  /// What a later run needs to carry totals on, where it changed since the last call.
  void take_changed(Totals& totals);

 private:
  void resolve();
  void restore(const Totals& totals, Moment first_time);
  [[nodiscard]] double peak_rate(const ReadingSet& set) const;

  struct WorkColumns {
    std::optional<std::size_t> work, low, high, spread;
  };

  SourcePtr source_;
  std::optional<std::size_t> counter_column_, power_column_;
  WorkColumns work_columns_;
  std::vector<std::size_t> peak_columns_;
  double counter_factor_ = 1;  // held unit to J
  EnergySeries energy_;
  WorkSeries work_;
  Moment newest_;
  double newest_watts_ = absent;

  std::string counter_key_, time_key_, identity_key_, peak_key_;
  std::int64_t saved_us_ = 0;
  double saved_identity_ = 0, saved_peak_ = 0;
};

/// Serial number and uuid as a number that a double holds exactly; 0: both unknown.
[[nodiscard]] double identity_number(const Identity& identity);

/// 52 bits of FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), never 0.
[[nodiscard]] double text_number(const std::string& text);

}  // namespace flopwatt::accounting
