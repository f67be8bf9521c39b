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
  Config config;                  ///< valid only if !has_errors()
  AcceleratorTable accelerators;  ///< config/accelerators.yml
  /// File of exporters.prometheus.web_config, which was checked, too; "": none.
  std::filesystem::path web_config;
  std::vector<Finding> findings;  ///< all: of the configuration in the order of lines, then of other files

  [[nodiscard]] bool has_errors() const;
};

/// Where data files are looked for.
struct DataPaths {
  /// Directories; the first match wins (the user's before the shipped one).
  std::vector<std::filesystem::path> meter_profiles;
  std::filesystem::path accelerators;  ///< accelerators.yml
};

/// /etc/flopwatt/meters, then share/flopwatt beside the running program, then config/ of the source tree.
[[nodiscard]] DataPaths default_data_paths();

/// What can be configured beside what this room knows by itself.
struct Supported {
  std::span<const VendorKeys> vendors;         ///< vendors of accelerators
  std::span<const ExporterSection> exporters;  ///< kinds of push exporters
};

/// Reads and checks `file` and reports all its faults at once. Never throws, whatever the file holds.
[[nodiscard]] Loaded load_config(const std::filesystem::path& file, const DataPaths& paths,
                                 const Supported& supported);

}  // namespace flopwatt
