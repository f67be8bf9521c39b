// The Modbus driver: all meters of the configuration, over TCP and serial lines. Reads only (functions 3 and
// 4).
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
  /// Goes on with the meters of `config`, of which it copies what it needs; returns at once. What is
  /// unchanged goes on undisturbed: a bus with the same address and settings keeps its connection, a meter
  /// its SourceId, schedule and back-off (it is described anew where its bus's planned cycle differs). Every
  /// other meter that was there is removed from the intake, every other one of `config` added. Metering loop.
  virtual void apply(const Config& config) = 0;

  /// The buses and their use so far, in the order of the configuration. Metering loop.
  [[nodiscard]] virtual std::vector<BusUse> bus_use() const = 0;
};

/// Polls config.meters, each with at least one register. Copies what it needs of `config`. One call of run()
/// only.
[[nodiscard]] std::unique_ptr<ModbusDriver> make_driver(const Config& config);

}  // namespace flopwatt::modbus
