// Why a window of a scope has no joules per FLOP by a method.
#pragma once

#include <cstdint>
#include <string_view>

namespace flopwatt {

/// Label `reason` of flopwatt_scope_joules_per_flop_missing. The numbers are stored: never reuse one.
enum class MissingReason : std::uint8_t {
  none = 0,  ///< there is a figure
  starting = 1,
  no_work = 2,
  meter_stale = 3,
  accelerator_stale = 4,
  coverage = 5,
  resolution = 6,
  lumps = 7,
  contradiction = 8,
  implausible = 9,
  method = 10,
  restart = 11,
  uncertainty = 12,
};

/// "no_work"; "" of none.
[[nodiscard]] std::string_view name_of(MissingReason reason);

/// In words: "no work was done in the window".
[[nodiscard]] std::string_view explanation_of(MissingReason reason);

/// False: nothing is wrong, there is just nothing to tell (no work, or not yet).
[[nodiscard]] bool is_fault(MissingReason reason);

}  // namespace flopwatt
