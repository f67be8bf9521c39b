// What workloads have counted for one accelerator or scope, and whether they still do. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "readings/reading_set.h"

namespace flopwatt::daemon {

/// Busy for this long without a line, and the work is no longer known by counting: whatever counted is gone.
inline constexpr std::chrono::minutes longest_busy_silence{5};

/// A sum that does not lose small addends to a large total (Neumaier, "Rundungsfehleranalyse einiger
/// Verfahren zur Summation endlicher Summen", ZAMM 54, 1974). A day at 1e18 FLOP/s is 1e23, of which a double
/// resolves 1.7e7.
class Sum {
 public:
  /// What would take the sum beyond all doubles is left out: it could never be known again.
  void add(double value);
  [[nodiscard]] double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

class WorkTally {
 public:
  /// A line: `flop` of that precision, which may be 0. From now on the work is offered.
  void count(Place precision, double flop);
  /// The device, or one of the scope's, was busy in that time; stretches of several devices may overlap.
  void add_busy(std::int64_t from_us, std::int64_t until_us);

  /// From the first line on, until busy for longest_busy_silence without one; idle, zero has been counted.
  [[nodiscard]] bool offered() const { return offered_; }
  /// Of all precisions; `absent` while not offered.
  [[nodiscard]] double total() const { return offered_ ? total_.value() : absent; }

  /// Precisions seen so far; never fewer than before.
  [[nodiscard]] std::size_t precision_count() const { return precisions_.size(); }
  /// counted_work of each precision seen so far, then of all; none before the first line.
  void append_fields(std::vector<Field>& fields) const;
  /// The values of those fields, `absent` while not offered.
  void append_values(std::vector<double>& values) const;

 private:
  struct OfPrecision {
    Place precision;
    Sum flop;
  };

  std::vector<OfPrecision> precisions_;  // in the order of their first lines
  Sum total_;
  bool offered_ = false;
  std::int64_t busy_us_ = 0;        // since the last line
  std::int64_t busy_until_us_ = 0;  // what is added up reaches up to here
};

}  // namespace flopwatt::daemon
