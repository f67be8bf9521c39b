// Accounting: from reading sets to energy, work and joules per FLOP of scopes. Pure: (settings, state, batch)
// -> (state, results); no clock, no I/O. Runs on monotonic time; wall time only labels windows.
//
// Formulas and their sources are in counter.h, power_integral.h, energy.h, work.h, counted_work.h, window.h
// and uncertainty.h; what gives a scope's energy and which accelerators are its own, at ScopeConfig.
//
// Work has one method a scope at a time: the best that all accelerators of the scope offer, those of the
// scopes inside with them (method_choice.h). What was counted for a scope as a whole (sets of kind work)
// counts there and in all scopes around, and covers the accelerators in it: beside it their own counted work
// comes on top, and whether they tell any does not matter.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "readings/reading_set.h"
#include "readings/scope_figures.h"
#include "readings/totals.h"

namespace flopwatt::accounting {

/// The totals of accounting.
///
/// Of a scope, scope/<scope>/...: energy_j, device_energy_j, work_<method>_flop, method; and numbers of its
/// lists: lists (of what gives its energy) and device_lists (of its accelerators). Both take in the scope's
/// own lists; a change inside another scope is seen by the one that it changes. Where they differ, the
/// scope's energy, or its device energy and work, start at 0. Work grows in one method at a time: their sum
/// is all work.
///
/// Of a source, source/<source>/..., of a branch source/<meter>/<branch>/...: energy_j and energy_time_us
/// (wall), the last register reading, from which energy catches up; identity, whose register that was;
/// peak_w, what growth is likely.
using flopwatt::Totals;

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
  /// `restored`: the totals as they were saved, empty at first. `began`: when this run of the agent did;
  /// windows that reach back before it have no J/FLOP.
  Accounting(Settings settings, const Totals& restored, Moment began);
  ~Accounting();
  Accounting(Accounting&&) noexcept;
  Accounting& operator=(Accounting&&) noexcept;

  /// Goes on with other settings, between two batches. What sources have told stays, so windows go on.
  /// Scopes whose lists stay keep their totals and their windows; new and changed ones start as they would
  /// after a restart; of those that are gone no window closes any more.
  void reconfigure(Settings settings);

  /// The source is gone: scopes count on without it, and windows that reach back before that have no J/FLOP
  /// where it was an accelerator. What it has counted stays, and goes on where it comes back.
  void forget(const std::string& source);

  /// Takes in one batch (sets of any sources, each source's in order of time). Returns the sets of windows
  /// that have closed by `now`, in the order of their ends. A window closes when every source of the scope
  /// has reached its end or has become stale.
  [[nodiscard]] std::vector<ReadingSet> advance(std::span<const ReadingSet> batch, Moment now);

  /// The running figures at `now`, for the snapshot. A scope with a stale source of energy has no power and
  /// no windows; a stale accelerator beside meters lets coverage fall. 20 meters, 16 accelerators: 20 us a
  /// level.
  [[nodiscard]] std::vector<ScopeFigures> figures(Moment now) const;

  /// What changed since the last call, to be saved in the transaction of the batch.
  [[nodiscard]] Totals take_changed_totals();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flopwatt::accounting
