// accelerators.yml -> AcceleratorTable.
#pragma once

#include <filesystem>
#include <string>

#include "config/accelerator_table.h"
#include "config/yaml/finding.h"

namespace flopwatt {

/// Bad entries are reported and left out.
[[nodiscard]] AcceleratorTable read_accelerator_table(const std::string& text, Reporter& report);

/// The same from a file; one that cannot be read is a finding.
[[nodiscard]] AcceleratorTable load_accelerator_table(const std::filesystem::path& file,
                                                      const Reporter& report);

}  // namespace flopwatt
