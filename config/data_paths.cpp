#include <system_error>

#include "config/load.h"

namespace flopwatt {
namespace fs = std::filesystem;
namespace {

// share/flopwatt of the running program; where it was not installed, the config/ that it was built from.
fs::path shipped_data() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path installed = program.parent_path().parent_path() / "share" / "flopwatt";
  if (!error && fs::exists(installed / "accelerators.yml", error)) return installed;
  return FLOPWATT_SOURCE_DATA;
}

}  // namespace

DataPaths default_data_paths() {
  const fs::path shipped = shipped_data();
  return {{"/etc/flopwatt/meters", shipped / "meters"}, shipped / "accelerators.yml"};
}

}  // namespace flopwatt
