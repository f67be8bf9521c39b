// The method of a scope's work, now and in the past. One method at a time: the best that all its accelerators
// offer. The order is that of enum Method: counted, pipe, estimated.
//
// A better method is taken at once. A worse method is taken when the better one has been missing for the
// staleness time: a failed sample is a gap, no change of method. A method that lasted less than
// settling_us (NVML's pipe counters need two samples, the estimate one) does not count: its time is a gap
// for the windows.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agent/accounting/time_span.h"
#include "readings/quantity.h"

namespace flopwatt::accounting {

/// A stretch of a window with one method; none: the accelerators had no common method.
struct MethodStretch {
  TimeSpan span;
  Method method = Method::none;
};

class MethodChoice {
 public:
  static constexpr std::int64_t settling_us = 5'000'000;
  static constexpr std::size_t most_changes = 256;  ///< before the oldest the method is unknown

  /// `before`: the method of an earlier run.
  explicit MethodChoice(Method before = Method::none);

  /// The method from `now_us` on, if `best` is the best that all accelerators
  /// offer. `patience_us`: staleness time.
  Method follow(Method best, std::int64_t now_us, std::int64_t patience_us);

  [[nodiscard]] Method now() const { return changes_.back().method; }
  /// Ascending, without holes over the window.
  [[nodiscard]] std::vector<MethodStretch> stretches(TimeSpan window) const;
  /// stretches() is not called any more for windows that begin before `time_us`.
  void forget_before(std::int64_t time_us);

 private:
  struct Change {
    std::int64_t time_us = 0;
    Method method = Method::none;
  };

  std::deque<Change> changes_;  // never empty
  std::optional<std::int64_t> taken_us_, missing_since_us_;
};

}  // namespace flopwatt::accounting
