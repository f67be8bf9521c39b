// Which meters share a bus, how long a cycle of the bus takes as planned, and how its meters are seen at
// phases that move. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.h"
#include "drivers/modbus/wire/request_time.h"
#include "runtime/schedule.h"

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

/// How the beats of a meter follow each other on a bus with that planned cycle: they move where at least half
/// of the interval is left free. Else a cycle would run into the next one, and the order of the meters turns
/// instead: see first_in_turn().
[[nodiscard]] Pace pace_of(std::chrono::microseconds interval, std::chrono::microseconds cycle);

/// The place in the order of the configuration of the meter that is read first at a beat whose start does not
/// move; the others follow in that order, round about. `meters` > 0. It turns by the golden ratio from beat to
/// beat: a meter is read 0.62 of a cycle later or 0.38 of a cycle earlier than at the beat before, give or take a
/// place. Where a cycle fills the interval that is 0.6 to 1.6 intervals after it, give or take a place.
[[nodiscard]] std::size_t first_in_turn(std::int64_t beat, std::size_t meters);

}  // namespace flopwatt::modbus
