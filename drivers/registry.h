// The drivers there are. A new driver is one folder under drivers/ and one line in registry.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "drivers/driver.h"

namespace flopwatt {

/// A driver, and how it takes a configuration that was loaded anew while it runs: what did not change goes
/// on. Metering loop.
struct ReloadableDriver {
  std::unique_ptr<Driver> driver;
  std::function<void(const Loaded&)> apply;
};

/// What drivers need of the agent. Outlives them.
struct DriverNeeds {
  WorkIntake& work;
  /// The number of an accelerator among those of its vendor, for good (see slot_book.h).
  std::function<unsigned(std::string_view vendor, const std::string& pci)> number_of;
};

/// All drivers; one for which the configuration has nothing waits for a configuration that has.
[[nodiscard]] std::vector<ReloadableDriver> make_drivers(const Loaded& loaded, const DriverNeeds& needs);

/// The drivers that read devices, to be used once: nothing is reloaded, no workload is listened to, and
/// numbers of accelerators count from 0 in the order of their addresses.
[[nodiscard]] std::vector<std::unique_ptr<Driver>> make_drivers(const Loaded& loaded);

}  // namespace flopwatt
