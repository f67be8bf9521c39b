// Which meters share a bus, and how long a cycle of it takes as planned. Touches no device: `check` uses it,
// too.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/config.h"

namespace flopwatt::modbus {

/// What a request over TCP is assumed to take, from sending it to having its answer. Meters with Ethernet of
/// their own answer within 1 to 20 ms; a gateway to a serial line takes what that line takes.
inline constexpr std::chrono::milliseconds assumed_latency{10};

/// How long a meter on a serial line thinks before its first byte, as its planned cycle assumes: 5 to 50 ms
/// were seen, 40 ms is what makers of slow ones call typical.
inline constexpr std::chrono::milliseconds assumed_serial_latency{40};

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
/// request for n registers takes
///   t35 + (8 + 5 + 2 n) * bits / baud + t35 + latency, and the meter's pause where it exceeds the first t35,
/// with `bits` of one character and t35 = frame_silence().
[[nodiscard]] std::chrono::microseconds planned_cycle(const std::vector<const MeterConfig*>& meters);

/// The buses in the order in which their addresses first appear; the position is the bus's number (its slot).
[[nodiscard]] std::vector<BusPlan> plan_buses(const Config& config);

}  // namespace flopwatt::modbus
