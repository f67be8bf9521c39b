#include "drivers/modbus/wire/exceptions.h"

#include <algorithm>
#include <array>

namespace flopwatt::modbus {
namespace {

using enum ModbusException;

struct Row {
  ModbusException exception;
  Consequences consequences;
};

// Also of every code that the protocol does not define.
constexpr Consequences failure{RequestStep::repeat, true, UnitState::failing, "the device reports a failure",
                               "see its own display or log"};
constexpr Consequences busy{RequestStep::wait, true, UnitState::failing, "the device is busy",
                            "make its interval longer, and see who else reads it"};

// clang-format off
constexpr std::array table = {
    Row{illegal_function, {RequestStep::leave_out, true, UnitState::misconfigured,
        "the device does not know this function",
        "set `function` to the other of 3 and 4"}},
    Row{illegal_data_address, {RequestStep::split, true, UnitState::misconfigured,
        "the device has no such registers",
        "compare the profile with the manual of this model; if single registers are readable, lower "
        "max_registers"}},
    Row{illegal_data_value, {RequestStep::split, true, UnitState::misconfigured,
        "the device refuses this number of registers",
        "lower max_registers"}},
    Row{device_failure, failure},
    Row{acknowledge, busy},
    Row{device_busy, busy},
    Row{memory_parity_error, failure},
    Row{gateway_path_unavailable, {RequestStep::later, false, UnitState::misconfigured,
        "the gateway has no path to this unit",
        "check unit_id and the gateway's settings"}},
    Row{gateway_target_silent, {RequestStep::later, false, UnitState::silent,
        "the unit behind the gateway does not answer",
        "check unit_id, its power and its wiring"}},
};
// clang-format on

}  // namespace

const Consequences* consequences_of(const Fault& fault) {
  if (fault.fault_class != FaultClass::exception) return nullptr;
  const auto row = std::ranges::find(table, static_cast<ModbusException>(fault.code), &Row::exception);
  return row == table.end() ? &failure : &row->consequences;
}

bool unit_refused(const Fault& fault) {
  const Consequences* refusal = consequences_of(fault);
  return refusal != nullptr && refusal->unit_answered;
}

bool calls_for(RequestStep step, const Fault& fault) {
  const Consequences* refusal = consequences_of(fault);
  return refusal != nullptr && refusal->request == step;
}

}  // namespace flopwatt::modbus
