// What drivers count beside readings.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "readings/fault.h"
#include "readings/source.h"

namespace flopwatt {

/// What one source cost and did on its bus, since it was added.
struct UnitUse {
  SourceId source = 0;
  std::uint8_t unit_id = 0;
  std::uint64_t requests = 0;  ///< sent, repeated ones too
  /// Requests that failed, parallel to all_fault_classes.
  std::array<std::uint64_t, all_fault_classes.size()> failures{};
  bool quarantined = false;  ///< it is left alone, and tried once in a while
};

/// A bus and what was done on it.
struct BusUse {
  std::string bus;  ///< its name, else its address
  double busy_seconds = 0;
  double turnaround_seconds =
      0;  ///< from sending a request to having its answer, summed over the answered ones
  double planned_cycle_seconds = 0;
  std::vector<UnitUse> units;
};

/// Lines of counted work that were refused, by reason.
struct RejectedLines {
  std::string_view reason;
  std::uint64_t lines = 0;
};

}  // namespace flopwatt
