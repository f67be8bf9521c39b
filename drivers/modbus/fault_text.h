// What users are told of a meter's fault: which meter, what came back, and what they can do about it.
#pragma once

#include <chrono>
#include <string>

#include "readings/fault.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// `fault` of a transaction, with the meter's name and advice.
[[nodiscard]] Fault explained(Fault fault, const std::string& meter);

/// Of a device that was searched for SunSpec models and has none.
[[nodiscard]] Fault no_sunspec(const std::string& meter, int unit, const std::string& address);
/// It has SunSpec models, but fewer meters than `wanted`.
[[nodiscard]] Fault no_sunspec_model(const std::string& meter, int wanted, std::size_t found);

/// "in 43 s", "in 12 min", "at once"
[[nodiscard]] std::string time_until(SteadyTime when, SteadyTime now);

}  // namespace flopwatt::modbus
