// Which meters share a bus, and how long a cycle of it takes as planned. Touches no device: `check` uses it,
// too.
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
  std::chrono::microseconds cycle{0};      ///< planned_cycle(meters)

  /// As configured under `buses`, else its address.
  [[nodiscard]] const std::string& name() const { return meters.front()->bus; }
  [[nodiscard]] const SerialSettings& serial() const { return meters.front()->serial; }
};

/// How long it takes to poll each of these meters once. Over TCP: for each request the latency and the
/// meter's pause, and a latency for a connection where it is closed after each poll. On a serial line, a
/// request for n registers takes exchange_time() and the latency, and the meter's pause where it exceeds the
/// silence before the request. What is asked once for each connection is not counted. Of a SunSpec meter it
/// is not known what the device has: one request for the longest of the meter models is assumed.
[[nodiscard]] std::chrono::microseconds planned_cycle(const std::vector<const MeterConfig*>& meters);

/// The buses in the order in which their addresses first appear; the position is the bus's number (its slot).
[[nodiscard]] std::vector<BusPlan> plan_buses(const Config& config);

}  // namespace flopwatt::modbus
