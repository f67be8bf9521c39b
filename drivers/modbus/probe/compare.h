// Whether energy register and power of a unit agree, by two samples some seconds apart: a profile that fits by its
// values may still be wrong by a unit, and a meter may be set to another one. It only reads.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/probe/interview.h"
#include "drivers/modbus/wire/connection.h"

namespace flopwatt::modbus {

/// Takes as long as the register needs to move (readings/two_samples.h), at most `limit` and the requests. What
/// contradicts each other, a clause each; empty where nothing does, or where the unit does not answer again.
boost::asio::awaitable<std::vector<std::string>> compare_registers(Connection& connection, std::uint8_t unit,
                                                                   const MeterProfile& profile,
                                                                   const InterviewOptions& options,
                                                                   std::chrono::seconds limit);

}  // namespace flopwatt::modbus
