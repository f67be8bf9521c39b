// SunSpec meters: finding the chain of models on a device. What is pure of it: sunspec_chain.h (the walk) and
// sunspec_profile.h (what is read).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>

#include "drivers/modbus/sunspec/chain.h"
#include "drivers/modbus/sunspec/profile.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/result.h"

namespace flopwatt::modbus {

/// Walks the device; a device that answers, but is no SunSpec device, is nullopt. A fault where the device
/// cannot be talked to:
///   timeout, or exception 10 or 11 of a gateway, before anything else was heard (a silent device costs one
///   timeout) or where the device has just said that there is something;
///   exception 5 or 6 (busy), crc, protocol, connection: at once. It is to be tried again later.
boost::asio::awaitable<Result<std::optional<SunSpecDevice>>> discover_sunspec(Connection& connection,
                                                                              std::uint8_t unit,
                                                                              const ReadOptions& options);

}  // namespace flopwatt::modbus
