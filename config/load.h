// Text -> checked Config. Reads every file that the configuration names, touches no device.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "config/accelerator_table.h"
#include "config/config.h"
#include "config/vendor_keys.h"
#include "config/yaml/finding.h"

namespace flopwatt {

struct Loaded {
  Config config;                  ///< to be used only where !has_errors()
  AcceleratorTable accelerators;  ///< config/accelerators.yml
  std::vector<Finding>
      findings;  ///< all of them: the configuration's in the order of lines, then other files'

  [[nodiscard]] bool has_errors() const;
};

/// Where data files are looked for. `shipped` is where the program was installed or built.
struct DataPaths {
  std::vector<std::filesystem::path>
      meter_profiles;                  ///< directories, first match wins (user's before shipped)
  std::filesystem::path accelerators;  ///< accelerators.yml
};

/// /etc/flopwatt/meters first, then share/flopwatt beside the running program, then the source tree's
/// config/.
[[nodiscard]] DataPaths default_data_paths();

/// Reads and checks `file`. `vendors`: those whose accelerators the program supports. Never throws for what a
/// user can write; all faults at once.
[[nodiscard]] Loaded load_config(const std::filesystem::path& file, const DataPaths& paths,
                                 std::span<const VendorKeys> vendors);

}  // namespace flopwatt
