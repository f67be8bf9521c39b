// The broker's password, from a file that may be rotated.
#pragma once

#include <filesystem>
#include <string>

#include "readings/result.h"

namespace flopwatt::mqtt {

/// The content without the line end that editors leave. At most 64 KiB, as MQTT allows.
[[nodiscard]] Result<std::string> read_password(const std::filesystem::path& file);

}  // namespace flopwatt::mqtt
