// An export as JSON lines: the objects of MQTT (runtime/text/reading_json.h), one for each line, in the order
// of seq. "source", "kind" and the labels of --label come first.
#pragma once

#include <string_view>

#include "agent/commands/export/job.h"

namespace flopwatt::commands {

[[nodiscard]] Result<Losses> export_json_lines(const Job& job);

/// Whether the objects have a key of that name themselves.
[[nodiscard]] bool is_json_key(std::string_view name);

}  // namespace flopwatt::commands
