// Wall clock and monotonic clock, read together.
#pragma once

#include <chrono>

#include "readings/reading_set.h"

namespace flopwatt {

/// The current moment. steady_clock is CLOCK_MONOTONIC on Linux.
[[nodiscard]] inline Moment now() {
  using namespace std::chrono;
  return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count(),
          duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count()};
}

/// The moment half-way between two moments.
[[nodiscard]] inline Moment midpoint(Moment first, Moment last) {
  return {first.wall_us + (last.wall_us - first.wall_us) / 2,
          first.monotonic_us + (last.monotonic_us - first.monotonic_us) / 2};
}

}  // namespace flopwatt
