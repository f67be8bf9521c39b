// An export as OpenMetrics 1.0 text with the series and labels of the Prometheus page, and the time of each
// reading: what `promtool tsdb create-blocks-from openmetrics` takes. Quantities without a series are left
// out.
//
// The format wants all samples of a series together, and all series of a family; the store has them by time.
// So the log is read several times, each time for as many series as fit into a bound of memory.
#pragma once

#include <string_view>

#include "agent/commands/export/job.h"

namespace flopwatt::commands {

/// Readings that are held at once, 16 bytes each: 32 MiB, and what the allocator keeps beside them. A store
/// of n readings is read n / this times, and once more to count.
inline constexpr std::uint64_t most_readings_held = std::uint64_t{2} << 20U;

/// A reading that is not at least a millisecond (Prometheus' resolution) after the one before it in its
/// series is left out: readers refuse series that go back.
[[nodiscard]] Result<Losses> export_openmetrics(const Job& job, std::uint64_t most_held = most_readings_held);

/// Whether series have a label of that name of their own.
[[nodiscard]] bool is_series_label(std::string_view name);

}  // namespace flopwatt::commands
