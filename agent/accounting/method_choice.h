// Which method of work a scope has, and had when. One at a time: the best that all its accelerators offer.
//
// A better one is taken at once. A worse one only when the better has been missing for as long as makes a
// source stale: a failed sample is a gap, no change of method. A method that lasted less than settling_us
// (NVML's pipe counters need two samples, the estimate one) was none: its time is a gap for the windows.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agent/accounting/time_span.h"
#include "readings/quantity.h"

namespace flopwatt::accounting {

/// A stretch of a window in which the scope had that method; none: it had no common one.
struct MethodStretch {
  TimeSpan span;
  Method method = Method::none;
};

class MethodChoice {
 public:
  static constexpr std::int64_t settling_us = 5'000'000;
  static constexpr std::size_t most_changes = 256;  ///< older ones are forgotten: of before, nothing is known

  /// `before`: the method that an earlier run had.
  explicit MethodChoice(Method before = Method::none);

  /// The method from `now_us` on, if the best that all offer is `best`.
  Method follow(Method best, std::int64_t now_us, std::int64_t patience_us);

  [[nodiscard]] Method now() const { return changes_.back().method; }
  /// Ascending; together they are the window.
  [[nodiscard]] std::vector<MethodStretch> stretches(TimeSpan window) const;
  /// Nobody will ask for windows that begin before that any more.
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
