// An export as CSV (RFC 4180, with a header), one row a reading: what pandas and spreadsheets take as it is.
//
//   time,seq,source,kind,uuid,quantity,place,value,unit,method
//   2026-11-23T12:44:01.250Z,1795437841250000,pdu-a,meter,,voltage,L1,230.1,V,
//   2026-11-23T12:44:01.250Z,1795437841250001,nvidia0,accelerator,GPU-…,work,,1.5e+18,FLOP,pipe
//
// `quantity` is the name in configuration and profiles, `place` the value of the label that the series has
// (phase, pair of lines, pipe, precision, branch); `method` says how work, and what is computed of it, was
// found. Added labels are further columns.
#pragma once

#include <string_view>

#include "agent/commands/export/job.h"

namespace flopwatt::commands {

[[nodiscard]] Result<Losses> export_csv(const Job& job);

/// Whether an added label of that name would be a second column of one name.
[[nodiscard]] bool is_csv_column(std::string_view name);

}  // namespace flopwatt::commands
