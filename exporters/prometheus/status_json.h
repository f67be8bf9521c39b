// The JSON of /api/v1/status: the agent's state at one moment, for people, scripts and `flopwatt top`.
#pragma once

#include <string>

#include "exporters/snapshot.h"

namespace flopwatt::prometheus {

/// {"node","version","revision","time","ready",
///  "sources":{<source>:{"kind","up","last_reading","last_fault","polls","skipped","failures":{<fault>:n},
///                       "vendor":of an accelerator,
///                       "reading":{keys of the MQTT message},"missing":{<key>:<reason>}}},
///  "scopes":{<scope>:{"parent","energy_source","method","time","power_w","unaccounted_power_w","energy_j_total",
///                     "device_energy_j_total","flop_total",
///                     "windows":{<window>:{keys of the MQTT message,
///                                          "uncertainty_terms":{<term>:relative, k=1}}}}},
///  "store":{…},"exporters":{<exporter>:{…}}}
/// What is unknown is left out, "reading" while the source is stale, and "missing" where nothing is.
[[nodiscard]] std::string status_json(const Snapshot& snapshot);

}  // namespace flopwatt::prometheus
