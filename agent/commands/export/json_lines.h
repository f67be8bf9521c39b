// An export as JSON lines: the objects of MQTT (CONTRACT section 4), one a line, in the order of seq, each
// with "source" and "kind" and what --label adds in front.
#pragma once

#include <string_view>

#include "agent/commands/export/job.h"

namespace flopwatt::commands {

[[nodiscard]] Result<Losses> export_json_lines(const Job& job);

/// Whether an added label of that name would be a second key of one name.
[[nodiscard]] bool is_json_key(std::string_view name);

}  // namespace flopwatt::commands
