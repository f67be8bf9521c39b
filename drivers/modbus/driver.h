// The Modbus TCP driver: all meters of the configuration. Reads only (functions 3 and 4).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "config/config.h"
#include "runtime/driver.h"

namespace flopwatt::modbus {

/// Polls config.meters, each with at least one register. Copies what it needs of `config`. One call of run()
/// only.
[[nodiscard]] std::unique_ptr<Driver> make_driver(const Config& config);

}  // namespace flopwatt::modbus
