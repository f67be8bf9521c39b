// What users are told of a meter's fault: which meter, what came back, and what they can do about it.
#pragma once

#include <chrono>
#include <string>

#include "readings/fault.h"
#include "readings/reading_set.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// `fault` of a transaction, with the meter's name and advice. `waited_briefly`: not for the whole timeout.
[[nodiscard]] Fault explained(Fault fault, const std::string& meter, bool waited_briefly);

/// Of a device that was searched for SunSpec models and has none.
[[nodiscard]] Fault no_sunspec(const std::string& meter, int unit, const std::string& address);
/// It has SunSpec models, but fewer meters than `wanted`.
[[nodiscard]] Fault no_sunspec_model(const std::string& meter, int wanted, std::size_t found);

/// "12:44:02Z": what the wall clock shows at `when`, UTC, rounded up. For what is read later than it is said.
[[nodiscard]] std::string time_of_day(SteadyTime when, const Moment& now);

/// "in 43 s", "in 12 min", "at once"
[[nodiscard]] std::string time_until(SteadyTime when, SteadyTime now);

}  // namespace flopwatt::modbus
