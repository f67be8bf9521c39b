// accelerators.yml -> AcceleratorTable.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "config/accelerator_table.h"
#include "config/vendor_keys.h"
#include "config/yaml/finding.h"

namespace flopwatt {

/// A section for each of `vendors`, which is there also where its text is wrong. Bad entries are reported and
/// left out.
[[nodiscard]] AcceleratorTable read_accelerator_table(const std::string& text,
                                                      std::span<const VendorKeys> vendors, Reporter& report);

/// The same from a file; one that cannot be read is a finding.
[[nodiscard]] AcceleratorTable load_accelerator_table(const std::filesystem::path& file,
                                                      std::span<const VendorKeys> vendors,
                                                      const Reporter& report);

}  // namespace flopwatt
