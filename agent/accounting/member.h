// One source as accounting sees it: a meter, one branch of a meter, an accelerator, or what was counted for a
// scope as a whole; which columns of its sets hold energy and work, and what they have told so far.
//
// Columns are looked up when the source describes itself anew (another Source), never for a reading.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/accounting/counted_work.h"
#include "agent/accounting/energy.h"
#include "agent/accounting/track.h"
#include "agent/accounting/work.h"
#include "readings/reading_set.h"
#include "readings/totals.h"

namespace flopwatt::accounting {

/// Methods are indexes into arrays of this size.
inline constexpr std::size_t method_count = 4;

/// What a set adds to the totals of the scopes that hold the source.
struct Growth {
  EnergyGrowth energy;
  std::array<double, method_count> work{};  ///< by method, FLOP
};

class Member {
 public:
  /// `branch`: of a meter; 0: the whole source.
  Member(SourcePtr source, std::uint16_t branch);

  /// Carries on from an earlier run, in which the source may have left its last register reading.
  /// `first_time`: of the first set, which ties the wall time in there to the monotonic clock.
  void restore(const Totals& totals, Moment first_time);
  /// The source has told nothing before: all that it has counted was counted since the agent began.
  void begin_counting_at_zero() { counted_.begin_at_zero(); }

  /// Another description of the same source. A changed serial number or uuid begins a new epoch of its
  /// counters.
  void describe(SourcePtr source);

  /// Sets of one source ascend in time; one that does not is ignored.
  Growth add(const ReadingSet& set, const Retention& retention);

  [[nodiscard]] const Source& source() const { return *source_; }
  [[nodiscard]] std::uint16_t branch() const { return branch_; }
  [[nodiscard]] bool is_accelerator() const { return source_->kind == SourceKind::accelerator; }
  [[nodiscard]] bool is_stale(std::int64_t now_us) const;
  /// Power of the newest set; `absent` where it has none, or where it contradicts the ones before.
  [[nodiscard]] double power() const;
  [[nodiscard]] const EnergySeries& energy() const { return energy_; }

  /// Whether the newest set told work by that method.
  [[nodiscard]] bool offers(Method method) const;
  /// Up to here that work is decided: known, or a gap.
  [[nodiscard]] std::int64_t work_reached_us(Method method) const;
  /// Adds what is not known of that work to `gaps`; returns whether anything of the window is known.
  bool add_work_gaps(Method method, TimeSpan window, std::vector<TimeSpan>& gaps) const;
  /// Something must be known.
  [[nodiscard]] WorkPart work_part(Method method, std::span<const TimeSpan> covered) const;

  /// What a later run needs to carry totals on, where it changed since the last call.
  void take_changed(Totals& totals);

 private:
  void resolve();
  [[nodiscard]] Channel channel_of(Quantity quantity) const;
  void add_work(const ReadingSet& set, double time_variance, const Retention& retention, Growth& growth);
  [[nodiscard]] double peak_rate(const ReadingSet& set) const;

  struct WorkColumns {
    std::optional<std::size_t> work, low, high, spread;
  };

  SourcePtr source_;
  std::uint16_t branch_ = 0;
  std::optional<std::size_t> counter_column_, power_column_;
  WorkColumns pipe_columns_, estimated_columns_;
  std::optional<std::size_t> counted_column_;
  std::vector<std::size_t> peak_columns_;
  double counter_factor_ = 1;  // held unit to J
  EnergySeries energy_;
  WorkSeries pipe_, estimated_;
  CountedWork counted_;
  Moment newest_;
  double newest_watts_ = absent;

  std::string counter_key_, time_key_, identity_key_, peak_key_;
  bool is_saved_ = false;  // the totals hold a register reading
  std::int64_t saved_us_ = 0;
  double saved_identity_ = 0, saved_peak_ = 0;
};

/// Serial number and uuid as a number that a double holds exactly; 0: both unknown.
[[nodiscard]] double identity_number(const Identity& identity);

/// 52 bits of FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), never 0.
[[nodiscard]] double text_number(const std::string& text);

}  // namespace flopwatt::accounting
