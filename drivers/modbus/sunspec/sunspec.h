// The search for the chain of SunSpec models on a device. Metering loop, or the loop of `probe`.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>

#include "drivers/modbus/sunspec/chain.h"
#include "drivers/modbus/sunspec/profile.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/result.h"

namespace flopwatt::modbus {

/// nullopt: the device answers, and is no SunSpec device. A fault: the search is to be tried again later.
///   crc, protocol, connection, or a busy device (RequestStep::wait): at once
///   timeout, or an exception of a gateway: where the device has answered nothing before, so that a silent
///   device costs one timeout; or where the device has announced the registers
/// Throws only when cancelled.
boost::asio::awaitable<Result<std::optional<SunSpecDevice>>> discover_sunspec(Connection& connection,
                                                                              std::uint8_t unit,
                                                                              const ReadOptions& options);

}  // namespace flopwatt::modbus
