// What a window with gaps does not know: the energy and the work of the missing time. It adds a term to the
// uncertainty, because the covered part stands for the whole window.
//
// In the missing time the power may have been anything between the lowest and the highest that the sources
// have shown, and the rate of work anything between 0 and the highest. Where a register tells the energy, or
// the work is known, it is taken as known. The term is the larger distance from the figure, as a bound: over
// sqrt 3.
#pragma once

#include <span>

#include "agent/accounting/window.h"

namespace flopwatt::accounting {

struct MissingTime {
  const MethodWork& method;
  std::span<const EnergyEstimate> estimates;  ///< parallel to the energy members
  std::span<const TimeSpan> energy_known;     ///< time in which the energy is known
  std::span<const TimeSpan> covered;          ///< time in which energy and work are known
};

/// Relative standard uncertainty. `joules`, `flop`: of the covered time, positive.
[[nodiscard]] double missing_time_term(const MissingTime& lost, std::span<const Member* const> energy,
                                       double joules, double flop);

}  // namespace flopwatt::accounting
