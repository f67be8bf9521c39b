// One source in accounting: a meter, one branch of a meter, an accelerator, or the counted work of a scope as
// a whole. Holds the columns of energy and work in its sets, and the series read from them.
//
// Columns are looked up for each new Source, never for each reading.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/accounting/counted_work.h"
#include "agent/accounting/energy.h"
#include "agent/accounting/track.h"
#include "agent/accounting/turned_watch.h"
#include "agent/accounting/work.h"
#include "readings/reading_set.h"
#include "readings/totals.h"

namespace flopwatt::accounting {

/// Growth by one set, for the totals of the scopes that contain the source.
struct Growth {
  EnergyGrowth energy;
  std::array<double, method_count> work{};  ///< by method, FLOP
};

class Member {
 public:
  /// `branch`: of a meter; 0: the whole source.
  Member(SourcePtr source, std::uint16_t branch);

  /// Continues from the last register reading of an earlier run, if `totals` has one. `first_time`: time of
  /// the first set, which relates the saved wall time to the monotonic clock.
  void restore(const Totals& totals, Moment first_time);
  /// For a source that is new in this run: all its counted work was counted in this run.
  void begin_counting_at_zero() {
    counted_.work.begin_at_zero();
    model_.work.begin_at_zero();
  }

  /// A new Source of the same name. A changed serial number or uuid begins a new epoch of the counters.
  void describe(SourcePtr source);

  /// Adds one set. Ignores a set whose time does not ascend.
  Growth add(const ReadingSet& set, const Retention& retention);

  [[nodiscard]] const Source& source() const { return *source_; }
  [[nodiscard]] std::uint16_t branch() const { return branch_; }
  [[nodiscard]] bool is_accelerator() const { return source_->kind == SourceKind::accelerator; }
  [[nodiscard]] bool is_stale(std::int64_t now_us) const;
  /// Power of the newest set, W; `absent`: the set has none, or it contradicts the readings before.
  [[nodiscard]] double power() const;
  [[nodiscard]] const EnergySeries& energy() const { return energy_; }
  [[nodiscard]] const TurnedWatch& turned() const { return turned_; }

  /// Whether workloads have told anything by that method, if only where they begin.
  [[nodiscard]] bool was_told(Method method) const {
    return is_told(method) && counted(method).column.has_value();
  }
  /// When workloads told anything by that method last; 0: never.
  [[nodiscard]] std::int64_t heard_us(Method method) const { return counted(method).work.heard_us(); }
  /// Whether the newest set has work by that method.
  [[nodiscard]] bool offers(Method method) const;
  /// Up to this time the work by that method is decided: known, or a gap.
  [[nodiscard]] std::int64_t work_reached_us(Method method) const;
  /// Adds the stretches with unknown work to `gaps`. Returns whether any part of the window is known.
  bool add_work_gaps(Method method, TimeSpan window, TimeSpans& gaps) const;
  /// Adds the stretches in which the accelerator was busy, or may have been. In the others it did no work, by
  /// whatever method.
  void add_busy(TimeSpan window, TimeSpans& busy) const { idle_.add_gaps(window, busy); }
  /// FLOP/s, of what is known.
  [[nodiscard]] double highest_rate(Method method) const;
  /// The work over `covered`. Call only if some part of the time is known.
  [[nodiscard]] WorkPart work_part(Method method, std::span<const TimeSpan> covered) const;

  /// Writes the totals that a later run continues from, as far as they changed since the last call.
  void take_changed(Totals& totals);

 private:
  void resolve();
  [[nodiscard]] Channel channel_of(Quantity quantity) const;
  void add_work(const ReadingSet& set, double time_variance, const Retention& retention, Growth& growth);
  [[nodiscard]] double peak_rate(const ReadingSet& set) const;

  struct WorkColumns {
    std::optional<std::size_t> work, low, high, spread;
  };
  // What workloads say, by one of their methods.
  struct Counted {
    CountedWork work;
    std::optional<std::size_t> column, told_column, age_column;
  };
  [[nodiscard]] const Counted& counted(Method method) const {
    return method == Method::model ? model_ : counted_;
  }
  static double add_counted(Counted& counted, const ReadingSet& set, double time_variance,
                            const Retention& retention);
  [[nodiscard]] bool is_idle(const ReadingSet& set) const;

  SourcePtr source_;
  std::uint16_t branch_ = 0;
  std::optional<std::size_t> counter_column_, power_column_;
  WorkColumns pipe_columns_, estimated_columns_;
  std::vector<std::size_t> peak_columns_, activity_columns_;
  double counter_factor_ = 1;  // held unit to J
  EnergySeries energy_;
  TurnedWatch turned_;
  WorkSeries pipe_, estimated_;
  Counted counted_, model_;
  Track<0> idle_;  // known: did nothing
  Moment newest_;
  double newest_watts_ = absent;

  std::string counter_key_, time_key_, identity_key_, peak_key_, step_key_, ahead_key_;
  bool is_saved_ = false;  // the totals hold a register reading
  std::int64_t saved_us_ = 0;
  double saved_identity_ = 0, saved_peak_ = 0, saved_step_ = 0, saved_ahead_ = 0;
};

/// Hash of serial number and uuid, which a double holds exactly; 0: both unknown.
[[nodiscard]] double identity_number(const Identity& identity);

/// 52 bits of FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), never 0.
[[nodiscard]] double text_number(const std::string& text);

}  // namespace flopwatt::accounting
