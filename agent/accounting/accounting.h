// Accounting: from reading sets to energy, work and joules per FLOP of scopes. Pure: (settings, state, batch)
// -> (state, results); no clock, no I/O. Runs on monotonic time; wall time only labels windows.
//
// Formulas and their sources are in counter.h, power_integral.h, energy.h, work.h, window.h and
// uncertainty.h.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "readings/reading_set.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// Figures that must survive a restart, by name; stored with the readings they come from.
///
/// Of a scope, scope/<scope>/...: energy_j, device_energy_j, work_<method>_flop, method, and lists, a number
/// of the scope's lists: where it differs, the scope starts at 0.
///
/// Of a source, source/<source>/...: energy_j and energy_time_us (wall), the last register reading, from
/// which energy catches up; identity, whose register that was; peak_w, what growth is likely.
using Totals = std::map<std::string, double>;

struct Settings {
  std::vector<ScopeConfig> scopes;
  std::vector<Window> windows;
  double min_coverage = 0.9;
};

/// Used from one thread. A source is stale by the `now` that is given, so batches have to come more often
/// than the shortest staleness (5 s). A source counts from the first set in which it appears; sources that no
/// scope names are ignored. Energy and work are finite and never negative, or absent.
class Accounting {
 public:
  /// `restored`: the totals as they were saved, empty at first.
  Accounting(Settings settings, const Totals& restored);
  ~Accounting();
  Accounting(Accounting&&) noexcept;
  Accounting& operator=(Accounting&&) noexcept;

  /// Takes in one batch (sets of any sources, each source's in order of time). Returns the sets of windows
  /// that have closed by `now`, in the order of their ends. A window closes when every source of the scope
  /// has reached its end or has become stale.
  [[nodiscard]] std::vector<ReadingSet> advance(std::span<const ReadingSet> batch, Moment now);

  /// The running figures at `now`, for the snapshot. A scope with a stale source of energy has no power and
  /// no windows; a stale accelerator beside meters lets coverage fall. 20 meters, 16 accelerators: 20 us.
  [[nodiscard]] std::vector<ScopeFigures> figures(Moment now) const;

  /// What changed since the last call, to be saved in the transaction of the batch.
  [[nodiscard]] Totals take_changed_totals();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flopwatt::accounting
