#include "drivers/modbus/unit_use.h"

#include <algorithm>
#include <utility>

namespace flopwatt::modbus {

UnitCounters::UnitCounters(std::string source, std::uint8_t unit_id) {
  use_.source = std::move(source);
  use_.unit_id = unit_id;
}

void UnitCounters::add(const Traffic& before, const Traffic& after) {
  use_.requests += after.requests - before.requests;
  for (const FaultClass fault : all_fault_classes)
    use_.failures.add(fault, after.failures[fault] - before.failures[fault]);
}

void UnitCounters::answered(std::chrono::microseconds took) {
  slowest_ = std::max(took, slowest_ - slowest_ / 64);
}

}  // namespace flopwatt::modbus
