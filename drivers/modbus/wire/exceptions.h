// What follows from a Modbus exception, the code by which a device, or a gateway in its place, refuses a
// request: for the request, for the unit, for the user. One table (MODBUS Application Protocol V1.1b3,
// section 7; facts: modbus, section 4).
#pragma once

#include <cstdint>
#include <string_view>

#include "readings/fault.h"

namespace flopwatt::modbus {

/// Devices also send codes that the protocol does not define: any number may be held.
enum class ModbusException : std::uint8_t {
  illegal_function = 1,
  illegal_data_address = 2,
  illegal_data_value = 3,
  device_failure = 4,
  acknowledge = 5,
  device_busy = 6,
  memory_parity_error = 8,
  gateway_path_unavailable = 10,
  gateway_target_silent = 11,
};

/// What is done with the refused request.
enum class RequestStep : std::uint8_t {
  leave_out,  ///< not sent again before a new connection or an hour
  split,      ///< halved until its parts are answered; a single value that is refused is left out
  wait,       ///< sent up to three more times in the same poll, after pauses
  repeat,     ///< sent once more in the same poll
  later,      ///< not sent before a later poll
};

/// What a failed poll says about its unit; UnitHealth acts on it.
enum class UnitState : std::uint8_t {
  failing,        ///< it may work again soon
  misconfigured,  ///< it works when a person has changed a setting
  silent,         ///< it may be gone
};

struct Consequences {
  RequestStep request;
  bool unit_answered;        ///< false: the exception is the gateway's own
  UnitState unit;            ///< where the unit answered nothing else in the poll
  std::string_view meaning;  ///< for the user: "the device is busy"
  std::string_view advice;   ///< what the user can do
};

/// nullptr where `fault` is of another class than FaultClass::exception.
[[nodiscard]] const Consequences* consequences_of(const Fault& fault);

/// Whether `fault` is an exception of the unit itself: the unit works, and may answer other requests.
[[nodiscard]] bool unit_refused(const Fault& fault);

/// Whether `fault` is an exception that is followed by `step`.
[[nodiscard]] bool calls_for(RequestStep step, const Fault& fault);

}  // namespace flopwatt::modbus
