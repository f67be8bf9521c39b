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
using Totals = std::map<std::string, double>;

struct Settings {
  std::vector<ScopeConfig> scopes;
  std::vector<Window> windows;
  double min_coverage = 0.9;
};

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

  /// The running figures at `now`, for the snapshot.
  [[nodiscard]] std::vector<ScopeFigures> figures(Moment now) const;

  /// What changed since the last call, to be saved in the transaction of the batch.
  [[nodiscard]] Totals take_changed_totals();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace flopwatt::accounting
