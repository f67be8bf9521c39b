// Text -> checked Config. Reads every file that the configuration names, touches no device.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/accelerator_table.h"
#include "config/config.h"

namespace flopwatt {

/// One fault or warning, as `check` prints it: "file:line:column: message". Line and column count from 1.
struct Finding {
  enum class Severity : std::uint8_t { error, warning } severity = Severity::error;
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;  ///< what is wrong and what to write instead

  [[nodiscard]] std::string text() const;
};

struct Loaded {
  Config config;                  ///< to be used only where !has_errors()
  AcceleratorTable accelerators;  ///< config/accelerators.yml
  std::vector<Finding> findings;  ///< all of them, in the order of file and line

  [[nodiscard]] bool has_errors() const;
};

/// Where data files are looked for. `shipped` is where the program was installed or built.
struct DataPaths {
  std::vector<std::filesystem::path> meter_profiles;  ///< directories, first match wins (user's before shipped)
  std::filesystem::path accelerators;                 ///< accelerators.yml
};

/// /etc/flopwatt/meters first, then share/flopwatt beside the running program, then the source tree's config/.
[[nodiscard]] DataPaths default_data_paths();

/// Reads and checks `file`. Never throws for what a user can write; all faults at once.
[[nodiscard]] Loaded load_config(const std::filesystem::path& file, const DataPaths& paths);

}  // namespace flopwatt
