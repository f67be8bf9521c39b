// The figures of a scope over one window, by each method of work and by the best of them.
//
// The covered time of a method is the time in which the energy of all energy sources and the work of all
// accelerators is known. Energy and work are both taken over the covered time. Coverage is its share of the
// window. Where there are no joules per FLOP, `missing` says why (readings/missing_reason.h).
//
// The best method is the first of counted, pipe, model, estimated whose work is known over at least the least
// coverage of the window. Where there is none, it is the one whose work is known over most of the window.
//
// There is no figure either where power gives the energy and the devices behind the meters tell that they took
// more: then bursts fell between the readings.
//
// Interim PUE is the energy of the scope over the energy of the scopes directly inside (ISO/IEC 30134-2, for
// a period shorter than a year). Absent if one of the two is not known over the whole window, or if the ratio
// is below 1: then meters are wrong, or the scopes do not lie as configured.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "agent/accounting/member.h"
#include "agent/accounting/time_span.h"
#include "readings/missing_reason.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// The work of a scope by one method, over a span.
struct MethodWork {
  Method method = Method::none;
  TimeSpan span;
  TimeSpans gaps;                      ///< in which the work of the scope is not known
  std::vector<const Member*> sources;  ///< that know some of it
  bool is_accelerator_stale = false;   ///< one that this method needs gives no readings
};

/// What the window is evaluated with. A null member is a source without a set so far.
struct WindowMembers {
  std::span<const Member* const> energy;
  std::span<const Member* const> inner_energy;  ///< of the scopes inside; empty: no interim PUE
  std::span<const Member* const> devices;       ///< behind the meters
  bool from_meters = false;
  bool does_work = false;  ///< it has accelerators, or lines of counted work
  double min_coverage = 0;
  std::int64_t unbroken_since_us = 0;  ///< before this time the scope had other accelerators
  std::int64_t began_us = 0;           ///< of this run of the agent
  bool ran_before = false;             ///< the totals of an earlier run go on
  bool is_contradicted = false;        ///< the scope's meters read less than its devices
};

/// A source of kind window, with the fields that window_figures() fills. `name`: "<scope>/<window>".
[[nodiscard]] SourcePtr window_source(const std::string& name, std::chrono::microseconds length);

/// `source`: of window_source(). `methods`: at least one; Method::none where there is no other, with a gap over
/// its span if the scope does work. `now` relates the clocks.
[[nodiscard]] WindowFigures window_figures(const SourcePtr& source, Moment now, const WindowMembers& members,
                                           std::span<const MethodWork> methods);

/// A window of which only is told why nothing is known.
[[nodiscard]] WindowFigures missing_window(const SourcePtr& source, Moment now,
                                           std::span<const MethodWork> methods, MissingReason reason);

/// Leaves a closed window with the values of its best method alone where no other knows anything.
void leave_out_single_method(ReadingSet& window);

}  // namespace flopwatt::accounting
