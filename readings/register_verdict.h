// What the energy register and the power readings of one source say of each other.
#pragma once

#include <cstdint>
#include <string>

#include "readings/reading_set.h"

namespace flopwatt {

enum class RegisterVerdict : std::uint8_t {
  agrees,        ///< or nothing is known to the contrary
  stands_still,  ///< it does not move while power flows
  differs,       ///< by less than a factor of two: one of them is badly calibrated, or power is under-sampled
  contradicts,   ///< neither can be told right
};

/// Of one source of a scope's energy.
struct RegisterFigures {
  std::string source;
  bool is_meter = false;
  RegisterVerdict verdict = RegisterVerdict::agrees;
  /// Growth of the register over integrated power, of the last hour; `absent`: not resolved yet, or one of the
  /// two is missing.
  double energy_power_ratio = absent;
};

/// What the user should know and do, one clause without the name of the source; empty while they agree.
[[nodiscard]] std::string explanation_of(const RegisterFigures& figures);

}  // namespace flopwatt
