// The drivers there are. A new driver is one folder under drivers/ and one line in registry.cpp.
#pragma once

#include <memory>
#include <vector>

#include "config/load.h"
#include "runtime/driver.h"

namespace flopwatt::agent {

/// The drivers that this configuration needs.
[[nodiscard]] std::vector<std::unique_ptr<Driver>> make_drivers(const Loaded& loaded);

}  // namespace flopwatt::agent
