// A meter's fault as a user reads it: which meter, what came back, what the user can do.
#pragma once

#include <chrono>
#include <string>

#include "readings/fault.h"
#include "readings/reading_set.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// `fault` of a transaction with the meter's name and advice added. `waited_briefly`: the timeout was that of
/// a quarantined unit, short_timeout(), not answer_timeout().
[[nodiscard]] Fault explained(Fault fault, const std::string& meter, bool waited_briefly);

/// The device was searched for SunSpec models and has none.
[[nodiscard]] Fault no_sunspec(const std::string& meter, int unit, const std::string& address);
/// The device has SunSpec models, `found` of them meters: fewer than `wanted`.
[[nodiscard]] Fault no_sunspec_model(const std::string& meter, int wanted, std::size_t found);

/// "12:44:02Z": the wall clock at `when`, UTC, rounded up. For texts that are read later than they are made.
[[nodiscard]] std::string time_of_day(SteadyTime when, const Moment& now);

/// "in 43 s", "in 12 min", "at once". For texts that are read when they are made.
[[nodiscard]] std::string time_until(SteadyTime when, SteadyTime now);

}  // namespace flopwatt::modbus
