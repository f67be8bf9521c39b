// What the configuration alone decides of each scope, worked out once: where its energy comes from, what lies
// inside, and the numbers that tell whether its lists are those of its totals.
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
  /// Meters and branches that give its energy (the rules are at ScopeConfig); empty: its accelerators do.
  std::vector<EnergyEntry> energy;
  /// What gives the energy of the scopes directly inside, for interim PUE; empty where there are none, where
  /// one of them has no meters, and where the scope has no meters of its own to compare with.
  std::vector<EnergyEntry> inner_energy;
  std::vector<std::size_t> inside;  ///< indexes: the scope itself, then all inside at any depth

  /// Numbers that change when the scope's own lists change, their order aside, or by a change elsewhere
  /// `lists`: what gives its energy; `device_lists`: which accelerators count in it. Totals start at 0 then.
  double lists = 0;
  double device_lists = 0;

  bool operator==(const ScopePlan&) const = default;
};

/// In the order of the scopes.
[[nodiscard]] std::vector<ScopePlan> plan_scopes(std::span<const ScopeConfig> scopes);

}  // namespace flopwatt::accounting
