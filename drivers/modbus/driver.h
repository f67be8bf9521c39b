// The Modbus driver: all meters of the configuration, over TCP and serial lines. The driver only reads, by
// functions 3 and 4.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <vector>

#include "config/config.h"
#include "drivers/driver.h"
#include "drivers/modbus/bus_use.h"

namespace flopwatt::modbus {

class ModbusDriver : public Driver {
 public:
  /// Takes over the meters of `config`; returns at once. Copies what it needs of `config`. Metering loop.
  ///   unchanged bus    same address and settings: keeps its connection
  ///   unchanged meter  keeps its SourceId, schedule and back-off; is described again where the planned cycle
  ///                    of its bus differs
  ///   others           meters of before are removed from the intake, meters of `config` are added
  virtual void apply(const Config& config) = 0;

  /// The buses and their use so far, in the order of the configuration. Metering loop.
  [[nodiscard]] virtual std::vector<BusUse> bus_use() const = 0;
};

/// Polls config.meters. Each of them has at least one register, or is a SunSpec meter. Copies what it needs
/// of `config`. run() is called once.
[[nodiscard]] std::unique_ptr<ModbusDriver> make_driver(const Config& config);

}  // namespace flopwatt::modbus
