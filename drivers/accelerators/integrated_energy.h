// Energy of a device that has no counter of it: its power, integrated. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace flopwatt::accelerators {

class IntegratedEnergy {
 public:
  /// The next reading: its monotonic time, and its power in W, `absent` where unknown. Returns the energy up
  /// to then, J: 0 at the first power, never less than before; `absent` without power. Trapezoids, none of
  /// them longer than `longest_gap`: what was not seen counts nothing.
  double advance(std::int64_t time_us, double watts, std::chrono::microseconds longest_gap);

 private:
  double joules_ = 0;
  double watts_ = 0;  ///< of the newest reading with power
  std::int64_t time_us_ = 0;
  bool started_ = false;
};

/// One count for each PCI address, so that a count survives a new guest or a replaced card.
using IntegratedEnergies = std::map<std::string, IntegratedEnergy>;

}  // namespace flopwatt::accelerators
