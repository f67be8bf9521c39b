// The figures of a scope over one window.
//
// The covered time is the time in which the energy of all energy sources and the work of all accelerators is
// known. Energy and work are both taken over the covered time. Coverage is its share of the window. Joules
// per FLOP is absent if
//   - no work was done,
//   - coverage is below the least coverage,
//   - the window has more than one method of work,
//   - the window spans a break (WindowMembers::unbroken_since_us),
//   - the expanded uncertainty reaches 1: the energy is below what its source resolves.
//
// Interim PUE is the energy of the scope over the energy of the scopes directly inside (ISO/IEC 30134-2, for
// a period shorter than a year). Absent if one of the two is not known over the whole window, or if the ratio
// is below 1: then meters are wrong, or the scopes do not lie as configured.
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

/// A source of a window's work by one method.
struct WorkSource {
  const Member* member = nullptr;
  /// True: while its work is unknown, the work of the scope is unknown. False: another source covers it.
  bool is_needed = true;
};

/// The sources of a window. A null member is a source without a set so far.
struct WindowMembers {
  std::span<const Member* const> energy;
  std::span<const Member* const> inner_energy;  ///< of the scopes inside; empty: no interim PUE
  std::span<const MethodStretch> methods;       ///< of the window; empty: no accelerators and no work
  std::array<std::vector<WorkSource>, method_count> work;  ///< by method, for the methods in `methods`
  bool from_meters = false;
  double min_coverage = 0;
  /// Before this time the agent was down, or the scope had other accelerators.
  std::int64_t unbroken_since_us = 0;
  bool is_contradicted = false;  ///< the scope's meters read less than its devices
};

/// A source of kind window, with the fields that window_figures() fills. `name`: "<scope>/<window>".
[[nodiscard]] SourcePtr window_source(const std::string& name, std::chrono::microseconds length);

/// `source`: of window_source(). `end`: the moment at span.end_us.
[[nodiscard]] WindowFigures window_figures(const SourcePtr& source, TimeSpan span, Moment end,
                                           const WindowMembers& members);

}  // namespace flopwatt::accounting
