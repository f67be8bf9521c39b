// The work of one accelerator by one method of its hardware (pipe, estimated), in FLOP, with bounds, as a
// function of monotonic time. counted_work.h has the work that workloads count.
//
// Work is known between two readings that are no further apart than the staleness time of the
// source. A reading without work breaks continuity: a new epoch of the counter begins, and the work
// in between is unknown.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/accounting/counter.h"
#include "agent/accounting/time_variance.h"
#include "agent/accounting/track.h"
#include "readings/quantity.h"

namespace flopwatt::accounting {

/// Whether workloads tell the work, else the hardware.
[[nodiscard]] constexpr bool is_told(Method method) {
  return method == Method::counted || method == Method::model;
}

/// More than any accelerator does, FLOP/s. The bound for a source of unknown peak.
inline constexpr double possible_flop_per_second = 1e18;

struct WorkReading {
  std::int64_t time_us = 0;
  double work = 0, low = 0, high = 0, spread = 0;  ///< cumulative, `absent` where unknown
  double peak_rate = 0;      ///< dense peak of the device, FLOP/s; `absent` where unknown
  double time_variance = 0;  ///< of the time stamp, s^2
};

/// Work over covered spans, in FLOP. The variances are of `work`.
struct WorkPart {
  double work = 0, low = 0, high = 0;
  double clock_variance = 0;  ///< of clocks between samples
  double time_variance = 0;
  double sampling_variance = 0;
  double lump_variance = 0;    ///< of counted work, which comes in lumps
  bool has_few_lumps = false;  ///< too few to tell anything
};

class WorkSeries {
 public:
  void set_longest_gap(std::int64_t longest_gap_us) { longest_gap_us_ = longest_gap_us; }
  /// From sample to sample.
  void set_interval(double interval_s) { interval_s_ = interval_s; }
  void begin_epoch() { counter_.begin_epoch(); }

  /// Returns the growth that the reading makes certain, FLOP.
  double add(const WorkReading& reading, const Retention& retention);

  /// Whether the newest reading had work.
  [[nodiscard]] bool offered() const { return offered_; }
  [[nodiscard]] std::int64_t reached_us() const;
  /// Adds the unknown stretches of `window` to `gaps`. Returns whether any part of the window is known.
  bool add_gaps(TimeSpan window, TimeSpans& gaps) const { return track_.add_gaps(window, gaps) != 0; }
  /// FLOP/s.
  [[nodiscard]] double highest_rate() const { return track_.rate_range().highest; }
  /// The work over `covered`. Call only if some part of the time is known.
  [[nodiscard]] WorkPart part(std::span<const TimeSpan> covered) const;

 private:
  std::int64_t longest_gap_us_ = 0;
  double interval_s_ = 1;
  Counter counter_;
  Track<4> track_;  // work, low, high, clock variance
  bool offered_ = false;
  TimeVariance time_variance_;
  std::int64_t newest_us_ = 0;
};

}  // namespace flopwatt::accounting
