// Why a meter's newest reading set lacks a value, as a user reads it.
#pragma once

#include <string>

#include "drivers/modbus/adaptive_reads.h"
#include "drivers/modbus/registers/meter_values.h"
#include "readings/source.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// As Driver::why_absent, of the meter with these requests and these newest values.
[[nodiscard]] std::string why_absent(const AdaptiveReads& reads, const MeterValues& values, Channel channel,
                                     SteadyTime now);

}  // namespace flopwatt::modbus
