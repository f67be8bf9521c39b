// How long a device that did not answer is left alone: twice as long with every failure in a row, at most a
// minute, never all devices at the same moment.
#pragma once

#include <chrono>

#include "runtime/backoff.h"

namespace flopwatt::modbus {

inline constexpr std::chrono::seconds longest_backoff{60};

/// `first`: the wait after the first failure. Chance takes up to a quarter off each wait.
[[nodiscard]] constexpr Backoff::Policy backoff_from(std::chrono::microseconds first) {
  return {.first = first, .longest = longest_backoff, .jitter = 0.25};
}

}  // namespace flopwatt::modbus
