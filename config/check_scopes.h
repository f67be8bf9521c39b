// Checks that need all scopes: the scopes form a tree, and no source counts twice.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "config/config.h"
#include "config/yaml/finding.h"

namespace flopwatt {

/// An entry as it is written in a scope.
struct WrittenName {
  std::size_t scope = 0;  ///< index
  std::string name;
  Position at;
};

struct WrittenEnergy {
  std::size_t scope = 0;
  EnergyEntry entry;
  Position at;
};

/// Fills in `contains` of the scopes. Entries that would break the tree are reported and left out.
void link_scopes(std::span<const WrittenName> contains, Config& config, Reporter& report);

/// Reports a meter or branch that is named twice. A meter and its own branches may both be named only where
/// one scope contains the other. Call after link_scopes().
void check_energy(std::span<const WrittenEnergy> energy, const Config& config, Reporter& report);

/// Reports an accelerator of `possible` that is named twice, once for each entry. A glob leaves out
/// accelerators that the scopes inside name. Call after link_scopes().
void check_work(std::span<const WrittenName> work, std::span<const std::string> possible,
                const Config& config, Reporter& report);

}  // namespace flopwatt
