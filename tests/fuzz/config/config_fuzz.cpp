// Any text as a configuration, as a meter profile and as the table of accelerators. Whatever it holds, it is
// either taken, and then keeps every promise that the rest of the program relies on, or refused with a
// finding that has a place.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "check_profile.h"
#include "config/accelerator_table.h"
#include "config/load.h"
#include "config/profiles/profile_library.h"
#include "config/read_accelerator_table.h"
#include "drivers/accelerators/nvidia/vendor.h"
#include "exporters/mqtt/settings.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::fuzz;
namespace fs = std::filesystem;

/// A file of its own for each process, since several may fuzz at once.
class TextFileOnDisk {
 public:
  TextFileOnDisk() {
    std::string name = (fs::temp_directory_path() / "flopwatt-fuzz-XXXXXX").string();
    require(mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~TextFileOnDisk() { fs::remove_all(folder_); }
  TextFileOnDisk(const TextFileOnDisk&) = delete;
  TextFileOnDisk& operator=(const TextFileOnDisk&) = delete;

  fs::path write(const std::string& name, const std::string& text) const {
    fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    return path;
  }

 private:
  fs::path folder_;
};

void check_config(const Config& config) {
  require(!config.node.empty());
  require(config.interval.count() > 0);
  for (const MeterConfig& meter : config.meters) {
    require(!meter.name.empty() && !meter.bus.empty());
    require(meter.interval.count() > 0 && meter.timeout.count() > 0 && meter.pause.count() >= 0);
    require(meter.unit_id <= 247 || meter.unit_id == 255);
    check_profile(meter.profile);
  }
  for (const ScopeConfig& scope : config.scopes) {
    for (const EnergyEntry& entry : scope.energy) {
      bool known = false;
      for (const MeterConfig& meter : config.meters) known = known || meter.name == entry.meter;
      require(known);
    }
  }
  for (const Window& window : config.windows) require(window.length.count() > 0);
  require(config.min_coverage >= 0 && config.min_coverage <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const TextFileOnDisk disk;
  // The shipped table of accelerators takes longer to read than everything else.
  static const fs::path table =
      disk.write("accelerators.yml",
                 "nvidia: {flop_per_clock_per_sm: {\"9.0\": {fp32: 256, fp32_lanes: 128}}, products: []}\n");
  static constexpr std::array vendors = {nvidia::keys};
  static const DataPaths shipped{{FLOPWATT_SOURCE_DIR "/config/meters"}, table};
  static const std::vector<ExporterSection> exporters = {mqtt::section()};
  const std::string text(data, data + size);

  const Loaded loaded = load_config(disk.write("flopwatt.yml", text), shipped, {vendors, exporters});
  check_findings(loaded.findings);
  if (!loaded.has_errors()) check_config(loaded.config);

  std::vector<Finding> findings;
  Reporter report(findings, "profile.yml");
  if (const auto profile = read_profile(text, "profile", report)) check_profile(*profile);
  const auto accelerators = read_accelerator_table(text, vendors, report);
  for (const Product& product : accelerators.at("nvidia").products)
    for (const auto& [precision, rate] : product.peak_flop_per_second) require(rate > 0);
  check_findings(findings);
  return 0;
}
