// What can only be said of scopes when all of them have been read: who lies inside whom, and that no source
// counts twice.
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

/// Fills in `contains` of the scopes with what makes a tree, and reports the rest.
void link_scopes(std::span<const WrittenName> contains, Config& config, Reporter& report);

/// No meter or branch is named twice, and a meter and its own branches only where one scope contains the
/// other. The scopes are linked.
void check_energy(std::span<const WrittenEnergy> energy, const Config& config, Reporter& report);

/// No accelerator of `possible` is named twice; a glob leaves out what the scopes inside name. The scopes are
/// linked. One finding an entry.
void check_work(std::span<const WrittenName> work, std::span<const std::string> possible,
                const Config& config, Reporter& report);

}  // namespace flopwatt
