#include "drivers/registry.h"

#include <map>
#include <utility>

#include "drivers/accelerators/driver.h"
#include "drivers/modbus/driver.h"
#include "drivers/work/driver.h"

namespace flopwatt {
namespace {

using NumberOf = decltype(DriverNeeds::number_of);

accelerators::NumberOf numbers_of(std::string_view vendor, const NumberOf& number_of) {
  return [vendor, number_of](const std::string& pci) { return number_of(vendor, pci); };
}

/// `apply(driver, loaded)` hands a driver of its own type the configuration that was loaded anew.
template <class SomeDriver, class Apply>
ReloadableDriver reloadable(std::unique_ptr<SomeDriver> driver, Apply apply) {
  SomeDriver& made = *driver;
  return {std::move(driver), [&made, apply](const Loaded& loaded) { apply(made, loaded); }};
}

}  // namespace

std::vector<ReloadableDriver> make_drivers(const Loaded& loaded, const DriverNeeds& needs) {
  std::vector<ReloadableDriver> drivers;
  drivers.push_back(reloadable(modbus::make_driver(loaded.config),
                               [](auto& driver, const Loaded& anew) { driver.apply(anew.config); }));
  for (const accelerators::Vendor& vendor : needs.vendors)
    drivers.push_back(
        reloadable(accelerators::make_driver(vendor, loaded.config, loaded.accelerators,
                                             numbers_of(vendor.keys.name, needs.number_of)),
                   [](auto& driver, const Loaded& anew) { driver.apply(anew.config, anew.accelerators); }));
  drivers.push_back(reloadable(work::make_driver(loaded.config, needs.work),
                               [](auto& driver, const Loaded& anew) { driver.apply(anew.config.work); }));
  return drivers;
}

std::vector<std::unique_ptr<Driver>> make_drivers(const Loaded& loaded,
                                                  std::span<const accelerators::Vendor> vendors) {
  using Numbers = std::map<std::string, unsigned>;
  const auto by_vendor = std::make_shared<std::map<std::string_view, Numbers>>();
  const auto count_up = [by_vendor](std::string_view vendor, const std::string& pci) {
    Numbers& numbers = (*by_vendor)[vendor];
    return numbers.try_emplace(pci, static_cast<unsigned>(numbers.size())).first->second;
  };
  std::vector<std::unique_ptr<Driver>> drivers;
  drivers.push_back(modbus::make_driver(loaded.config));
  for (const accelerators::Vendor& vendor : vendors)
    drivers.push_back(accelerators::make_driver(vendor, loaded.config, loaded.accelerators,
                                                numbers_of(vendor.keys.name, count_up)));
  return drivers;
}

}  // namespace flopwatt
