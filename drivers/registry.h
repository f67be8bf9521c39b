// The drivers there are. A new driver is one folder under drivers/ and one line in registry.cpp; a new vendor
// of accelerators is one folder and one row in drivers/accelerators/vendors.cpp.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "drivers/accelerators/vendor.h"
#include "drivers/driver.h"

namespace flopwatt {

/// A driver, and how the driver takes a reloaded configuration while it runs: what did not change goes on.
/// Both are used on the metering loop.
struct ReloadableDriver {
  std::unique_ptr<Driver> driver;
  std::function<void(const Loaded&)> apply;
};

/// What drivers need of the agent. Outlives them.
struct DriverNeeds {
  std::span<const accelerators::Vendor> vendors;  ///< of accelerators that are supported
  WorkIntake& work;
  /// The number of an accelerator among those of its vendor, for good.
  std::function<unsigned(std::string_view vendor, const std::string& pci)> number_of;
};

/// All drivers; one for which the configuration has nothing waits for a configuration that has.
[[nodiscard]] std::vector<ReloadableDriver> make_drivers(const Loaded& loaded, const DriverNeeds& needs);

/// The drivers that read devices, to be used once: nothing is reloaded, no workload is listened to, and
/// numbers of accelerators count from 0, for each vendor, in the order of their addresses.
[[nodiscard]] std::vector<std::unique_ptr<Driver>> make_drivers(
    const Loaded& loaded, std::span<const accelerators::Vendor> vendors);

}  // namespace flopwatt
