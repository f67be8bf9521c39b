// An export as OpenMetrics 1.0 text, for `promtool tsdb create-blocks-from openmetrics`: the series and
// labels of /metrics, with the time of each reading. Quantities without a series are left out.
//
// The format wants all samples of a series together, and all series of a family together. The store is
// ordered by time. So the export reads the log several times, each time for as many series as fit into a
// bound of memory.
#pragma once

#include <string_view>

#include "agent/commands/export/job.h"

namespace flopwatt::commands {

/// Readings held at once, 16 bytes each: 32 MiB, and the allocator's overhead. A store of n readings is read
/// n / most_readings_held times, and once more to count.
inline constexpr std::uint64_t most_readings_held = std::uint64_t{2} << 20U;

/// Leaves out a reading that is not at least a millisecond (Prometheus' resolution) after the reading before
/// in its series: readers refuse series that go back.
[[nodiscard]] Result<Losses> export_openmetrics(const Job& job, std::uint64_t most_held = most_readings_held);

/// Whether a series has a label of that name itself.
[[nodiscard]] bool is_series_label(std::string_view name);

}  // namespace flopwatt::commands
