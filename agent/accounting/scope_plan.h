// The part of each scope that follows from the configuration alone: its energy sources, the scopes inside,
// and the numbers of its lists, which saved totals are compared with.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"

namespace flopwatt::accounting {

struct ScopePlan {
  std::string name;
  std::string parent;  ///< "" at the top
  /// Meters and branches that give the energy (the rules are at ScopeConfig); empty:
  /// the accelerators give it.
  std::vector<EnergyEntry> energy;
  /// Meters and branches of the scopes directly inside, for interim PUE. Empty if there are no scopes inside,
  /// one of them has no meters, or this scope has no meters.
  std::vector<EnergyEntry> inner_energy;
  std::vector<std::size_t> inside;  ///< indexes: the scope itself, then all scopes inside at any depth

  /// Hashes of the scope's energy sources (`lists`) and of the rules for its accelerators (`device_lists`).
  /// The order in the configuration does not matter. When one changes, by an edit of this scope or of
  /// another, totals start at 0.
  double lists = 0;
  double device_lists = 0;

  bool operator==(const ScopePlan&) const = default;
};

/// One plan for each scope, in the same order.
[[nodiscard]] std::vector<ScopePlan> plan_scopes(std::span<const ScopeConfig> scopes);

}  // namespace flopwatt::accounting
