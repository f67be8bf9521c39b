// What a configuration that was loaded anew means for the one that runs. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace flopwatt::daemon {

/// The keys that cannot be changed while the agent runs and differ, each with both values; empty: all of
/// `anew` can be applied.
[[nodiscard]] std::vector<std::string> need_restart(const Config& running, const Config& anew);

/// MQTT exporters by name: what a change of the configuration means for each.
struct ExporterChanges {
  std::vector<std::string> gone;
  std::vector<const MqttConfig*> changed, added;  ///< of the new configuration
};
[[nodiscard]] ExporterChanges exporter_changes(const std::vector<MqttConfig>& running,
                                               const std::vector<MqttConfig>& anew);

}  // namespace flopwatt::daemon
