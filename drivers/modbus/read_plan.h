// Which requests read a meter's registers: the fewest that its limits allow. Planned once; a poll only walks
// it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/meter_profile.h"
#include "drivers/modbus/mbap.h"

namespace flopwatt::modbus {

/// Where in an answer the value of one register of the profile is.
struct ReadSlot {
  std::uint16_t offset = 0;        ///< in registers from the beginning of the answer
  std::size_t register_index = 0;  ///< into the registers that were planned

  bool operator==(const ReadSlot&) const = default;
};

struct PlannedRead {
  ReadFunction function = ReadFunction::holding_registers;
  std::uint16_t address = 0;
  std::uint16_t count = 0;
  std::vector<ReadSlot> slots;

  bool operator==(const PlannedRead&) const = default;
};

/// The first read holds the imported energy of the whole meter (else its active power, else what comes
/// first): its midpoint is the time of the set, so it is sent first. The others follow by function and
/// address.
using ReadPlan = std::vector<PlannedRead>;

/// Every register lies whole within one request; a request has one function, at most `max_registers` (and
/// what the protocol allows) and no unused gap above `max_hole`; where `even`, start and count are even. A
/// single register that is wider than these limits still gets a request of its own, which the device will
/// refuse.
[[nodiscard]] ReadPlan plan_reads(std::span<const Register> registers, const ReadLimits& limits);

}  // namespace flopwatt::modbus
