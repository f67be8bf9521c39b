// Files that `..._file` keys name.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "config/yaml/finding.h"

namespace flopwatt {

/// The path of the file: an absolute one as it is; a relative one is looked for in $CREDENTIALS_DIRECTORY,
/// then in `beside`, the folder of the configuration. nullopt: missing or not readable, and reported at `at`.
/// Warns if everybody may read the file.
[[nodiscard]] std::optional<std::filesystem::path> find_secret_file(const std::string& name,
                                                                    std::string_view key,
                                                                    const std::filesystem::path& beside,
                                                                    Position at, Reporter& report);

/// The same for a file that everybody may read, as a certificate.
[[nodiscard]] std::optional<std::filesystem::path> find_public_file(const std::string& name,
                                                                    std::string_view key,
                                                                    const std::filesystem::path& beside,
                                                                    Position at, Reporter& report);

}  // namespace flopwatt
