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

/// The same energy by both, over the same time.
struct ComparedEnergy {
  double register_joules = 0;
  double power_joules = 0;
  double seconds = 0;
};

/// Of one source of a scope's energy, or of one branch of it.
struct RegisterFigures {
  std::string source;  ///< of a branch "pdu-a/7"
  SourceKind kind{};
  RegisterVerdict verdict = RegisterVerdict::agrees;
  /// Growth of the register over integrated power, of the last hour; `absent`: not resolved yet, or one of the
  /// two is missing.
  double energy_power_ratio = absent;
  ComparedEnergy compared;  ///< what `verdict` follows from
  bool is_branch = false;
};

/// What the user should know and do, one clause without the name of the source; empty while they agree.
[[nodiscard]] std::string explanation_of(const RegisterFigures& figures);

}  // namespace flopwatt
