// Which meters share a bus, and how long a cycle of the bus takes as planned. Pure.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/modbus/wire/request_time.h"

namespace flopwatt::modbus {

/// All meters of one address, in the order of the configuration.
struct BusPlan {
  ModbusAddress address;
  std::vector<const MeterConfig*> meters;  ///< into the Config that was planned
  std::chrono::microseconds cycle{0};      ///< as planned_cycle() gives it for `meters`

  /// As configured under `buses`, else its address.
  [[nodiscard]] const std::string& name() const { return meters.front()->bus; }
  [[nodiscard]] const SerialSettings& serial() const { return meters.front()->serial; }
};

/// How long a poll of each of these meters takes, together.
///   TCP           a request takes the assumed latency and the meter's pause; a connection that is closed
///                 after each poll takes one latency more
///   serial line   a request for n registers takes exchange_time() and the assumed latency, and the meter's
///                 pause where that exceeds the silence before the request
/// Requests that are sent once for each connection do not count. The models of a SunSpec device are not known
/// yet: one request for the longest meter model is assumed.
[[nodiscard]] std::chrono::microseconds planned_cycle(const std::vector<const MeterConfig*>& meters);

/// The buses in the order in which their addresses first appear. The position of a bus is its number, of
/// which slot_offset() makes the moment of its beats. The plans point into `config`.
[[nodiscard]] std::vector<BusPlan> plan_buses(const Config& config);

}  // namespace flopwatt::modbus
