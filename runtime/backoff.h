// How long to leave alone what failed: twice as long after every failure in a row, up to a limit. Pure: time
// and chance are handed in.
#pragma once

#include <chrono>

#include "runtime/schedule.h"

namespace flopwatt {

class Backoff {
 public:
  struct Policy {
    std::chrono::microseconds first;    ///< the wait after the first failure, > 0
    std::chrono::microseconds longest;  ///< of all waits; a longer first one is never doubled
    double jitter = 0;                  ///< the part of a wait, 0 to 1, that chance may take off
  };

  explicit Backoff(const Policy& policy) : policy_(policy) {}

  void succeed() { failures_ = 0; }

  /// Counts a failure at `now` and returns retry_at(). `chance` in [0, 1) takes up to Policy::jitter off the
  /// wait, so that those who failed at the same moment do not all come back at the same moment.
  SteadyTime fail(SteadyTime now, double chance = 0);

  [[nodiscard]] bool failing() const { return failures_ > 0; }

  /// The earliest moment of the next attempt; of no meaning unless failing().
  [[nodiscard]] SteadyTime retry_at() const { return retry_at_; }

 private:
  Policy policy_;
  unsigned failures_ = 0;  // in a row
  SteadyTime retry_at_{};
};

/// A random number in [0, 1) for Backoff::fail.
[[nodiscard]] double chance();

}  // namespace flopwatt
