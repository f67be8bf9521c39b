// A scope's figures over one window.
//
// Covered is the time in which the energy of all sources of energy and the work of all accelerators is known;
// energy and work are both taken over that time, cut out of their cumulative functions. Coverage is its share
// of the window. Joules per FLOP is absent where no work was done, below the least coverage, where methods of
// work mix, where the window spans a break (WindowMembers::unbroken_since_us), and where the expanded
// uncertainty reaches 1 (the energy is below what its source resolves).
//
// Interim PUE is the energy of the scope over that of the scopes directly inside (ISO/IEC 30134-2, for a
// period shorter than a year). It is told where both are known over the whole window, and not where it is
// below 1: then meters are wrong, or the scopes do not lie as configured.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "agent/accounting/member.h"
#include "agent/accounting/method_choice.h"
#include "agent/accounting/time_span.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// Where a window's work comes from by one method.
struct WorkSource {
  const Member* member = nullptr;
  /// Where its work is not known, that of the scope is not. Else another source covers it there.
  bool is_needed = true;
};

/// What a window is taken over. A null member is a source that has never told anything.
struct WindowMembers {
  std::span<const Member* const> energy;
  std::span<const Member* const> inner_energy;             ///< of the scopes inside; empty: no interim PUE
  std::span<const MethodStretch> methods;                  ///< of the window; empty: nobody does work
  std::array<std::vector<WorkSource>, method_count> work;  ///< by method, for those in `methods`
  bool from_meters = false;
  double min_coverage = 0;
  /// Before, the agent was down, or other accelerators did work.
  std::int64_t unbroken_since_us = 0;
};

/// A source of kind window: its fields are what window_figures() fills. `name` is "<scope>/<window>".
[[nodiscard]] SourcePtr window_source(const std::string& name, std::chrono::microseconds length);

/// `end` is the moment at span.end_us.
[[nodiscard]] WindowFigures window_figures(const SourcePtr& source, TimeSpan span, Moment end,
                                           const WindowMembers& members);

}  // namespace flopwatt::accounting
