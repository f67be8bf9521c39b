// An export as CSV (RFC 4180, with a header), one row for each reading, for pandas and spreadsheets.
//
//   time,seq,source,kind,uuid,quantity,place,value,unit,method
//   2026-11-23T12:44:01.250Z,1795437841250000,pdu-a,meter,,voltage,L1,230.1,V,
//   2026-11-23T12:44:01.250Z,1795437841250001,nvidia0,accelerator,GPU-…,work,,1.5e+18,FLOP,pipe
//
// `quantity` is the name in configuration and profiles. `place` is the value of the series' label (phase,
// pair of lines, pipe, precision, branch). `method` is the method of work, and of values computed from work.
// Added labels are further columns.
#pragma once

#include <string_view>

#include "agent/commands/export/job.h"

namespace flopwatt::commands {

[[nodiscard]] Result<Losses> export_csv(const Job& job);

/// Whether the export has a column of that name itself.
[[nodiscard]] bool is_csv_column(std::string_view name);

}  // namespace flopwatt::commands
