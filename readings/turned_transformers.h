// Whether the powers of a meter say that its current transformers are turned around.
//
// What feeds computers only consumes, so active power is positive, and the phases of a meter have one sign. A
// negative sign of all means that all transformers are turned, or that the meter feeds something back. A
// negative sign of some phases means that those are turned. Some meters show phases as magnitudes and only
// their sum with signs: with phase k turned the whole is then the sum of magnitudes less twice that phase.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "readings/reading_set.h"

namespace flopwatt {

/// Active power in W, `absent` where unknown.
struct MeterPowers {
  double whole = absent;
  std::array<double, 3> phases = {absent, absent, absent};  ///< L1, L2, L3
};

struct TurnedTransformers {
  enum class Which : std::uint8_t {
    unclear,   ///< too little power flows to tell
    none,      ///< all is as it should be
    all,       ///< or the one there is
    some,      ///< those in `phases`
    one_of_3,  ///< the phases are alike: which one is not known
  };
  Which which = Which::unclear;
  std::uint8_t phases = 0;  ///< bit 0: L1, bit 1: L2, bit 2: L3

  [[nodiscard]] bool is_any() const { return which != Which::unclear && which != Which::none; }
  bool operator==(const TurnedTransformers&) const = default;
};

/// By one set of powers.
[[nodiscard]] TurnedTransformers turned_by(const MeterPowers& powers);

/// Of one meter, or of one branch.
struct TurnedFigures {
  std::string source;  ///< "pdu-a"; of a branch "pdu-a/7"
  bool is_branch = false;
  TurnedTransformers turned;
  MeterPowers powers;            ///< as read last
  bool import_is_still = false;  ///< it has a register of imported energy, which does not grow
  bool export_grows = false;
};

/// What the user should know and do, one clause without the name of the source; empty where nothing is turned.
[[nodiscard]] std::string explanation_of(const TurnedFigures& figures);

}  // namespace flopwatt
