#include "drivers/modbus/unit_use.h"

#include <algorithm>

namespace flopwatt::modbus {

UnitCounters::UnitCounters(SourceId source, std::uint8_t unit_id) {
  use_.source = source;
  use_.unit_id = unit_id;
}

void UnitCounters::add(const Traffic& before, const Traffic& after) {
  use_.requests += after.requests - before.requests;
  for (std::size_t i = 0; i < use_.failures.size(); ++i)
    use_.failures.at(i) += after.failures.at(i) - before.failures.at(i);
}

void UnitCounters::answered(std::chrono::microseconds took) {
  slowest_ = std::max(took, slowest_ - slowest_ / 64);
}

}  // namespace flopwatt::modbus
