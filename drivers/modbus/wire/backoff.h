// How long to leave alone what did not answer: doubled with every failure in a row, at most a minute, never
// all devices at the same moment. Pure: the caller brings time and chance.
#pragma once

#include <chrono>

#include "runtime/schedule.h"

namespace flopwatt::modbus {

inline constexpr std::chrono::seconds longest_backoff{60};

class Backoff {
 public:
  /// `base` > 0 is the wait after the first failure. A base above a minute is never doubled.
  explicit Backoff(std::chrono::microseconds base) : base_(base) {}

  void succeed() { failures_ = 0; }

  /// Counts a failure at `now`. `chance` in [0, 1) takes up to a quarter off the wait.
  void fail(SteadyTime now, double chance);

  [[nodiscard]] bool failing() const { return failures_ > 0; }

  /// The earliest moment of the next attempt; of no meaning unless failing().
  [[nodiscard]] SteadyTime retry_at() const { return retry_at_; }

 private:
  std::chrono::microseconds base_;
  unsigned failures_ = 0;
  SteadyTime retry_at_{};
};

/// A number in [0, 1) for Backoff::fail.
[[nodiscard]] double chance();

}  // namespace flopwatt::modbus
