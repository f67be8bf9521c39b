// Files with secrets: where a `..._file` key points to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "config/yaml/finding.h"

namespace flopwatt {

/// An absolute path as it is; a relative one in $CREDENTIALS_DIRECTORY, then beside the configuration.
/// nullopt: missing or not readable, reported at `at`. Warns where everybody may read it.
[[nodiscard]] std::optional<std::filesystem::path> find_secret_file(const std::string& name,
                                                                    std::string_view key,
                                                                    const std::filesystem::path& beside,
                                                                    Position at, Reporter& report);

}  // namespace flopwatt
