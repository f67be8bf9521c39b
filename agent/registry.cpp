#include "agent/registry.h"

#include <array>

#include "drivers/modbus/driver.h"
#include "drivers/nvidia/driver.h"

namespace flopwatt::agent {
namespace {

using Factory = std::unique_ptr<Driver> (*)(const Loaded&);

/// Each makes its driver, or nullptr where the configuration has nothing for it.
constexpr std::array<Factory, 2> factories = {
    [](const Loaded& loaded) { return modbus::make_driver(loaded.config); },
    [](const Loaded& loaded) { return nvidia::make_driver(loaded.config, loaded.accelerators); },
};

}  // namespace

std::vector<std::unique_ptr<Driver>> make_drivers(const Loaded& loaded) {
  std::vector<std::unique_ptr<Driver>> drivers;
  for (const Factory make : factories)
    if (auto driver = make(loaded)) drivers.push_back(std::move(driver));
  return drivers;
}

}  // namespace flopwatt::agent
