// What a newly loaded configuration means for the one that runs. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace flopwatt::daemon {

/// The keys that differ and cannot be changed while the agent runs, each with both values; empty: all of
/// `next` can be applied.
[[nodiscard]] std::vector<std::string> need_restart(const Config& running, const Config& next);

/// Push exporters by name: what a change of the configuration means for each.
struct ExporterChanges {
  std::vector<std::string> gone;
  std::vector<ExporterConfig> changed, added;  ///< of the new configuration
};
[[nodiscard]] ExporterChanges exporter_changes(const std::vector<ExporterConfig>& running,
                                               const std::vector<ExporterConfig>& next);

}  // namespace flopwatt::daemon
