// What the buses and their units did so far, and how users see it: the metric families and the section
// `buses` of /api/v1/status. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "readings/fault.h"
#include "readings/metric_family.h"

namespace flopwatt::modbus {

/// What one unit cost and did on its bus since it was added.
struct UnitUse {
  std::string source;  ///< name of the meter
  std::uint8_t unit_id = 0;
  std::uint64_t requests = 0;  ///< sent requests, repetitions included
  FaultCounts failures;        ///< failed requests by class of fault
  bool quarantined = false;    ///< left alone, and tried once in a while
};

/// A bus and what was done on it.
struct BusUse {
  std::string bus;  ///< its name, else its address
  double busy_seconds = 0;
  /// From sending a request to having its answer, summed over the requests that were answered.
  double turnaround_seconds = 0;
  double planned_cycle_seconds = 0;
  std::vector<UnitUse> units;
};

[[nodiscard]] std::vector<MetricFamily> metric_families(const std::vector<BusUse>& buses);

/// The section `buses` as JSON:
///
/// {"<bus>":{"busy_seconds":…,"turnaround_seconds":…,"planned_cycle_seconds":…,
///           "units":{"<source>":{"unit_id":…,"requests":…,"failures":{"<fault>":…},"quarantined":…}}}}
[[nodiscard]] std::string status_json(const std::vector<BusUse>& buses);

}  // namespace flopwatt::modbus
