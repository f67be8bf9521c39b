#include "drivers/accelerators/integrated_energy.h"

#include <utility>

#include "readings/reading_set.h"

namespace flopwatt::accelerators {

double IntegratedEnergy::advance(std::int64_t time_us, double watts, std::chrono::microseconds longest_gap) {
  if (!is_known(watts)) return absent;
  const std::chrono::microseconds passed(time_us - std::exchange(time_us_, time_us));
  const double before = std::exchange(watts_, watts);
  if (std::exchange(started_, true) && passed.count() > 0 && passed <= longest_gap)
    joules_ += (before + watts) / 2 * std::chrono::duration<double>(passed).count();
  return joules_;
}

}  // namespace flopwatt::accelerators
