// What a unit costs on its bus: its requests, their failures, how long its answers take.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "drivers/modbus/bus_use.h"
#include "drivers/modbus/wire/connection.h"

namespace flopwatt::modbus {

class UnitCounters {
 public:
  /// `source`: name of the meter.
  UnitCounters(std::string source, std::uint8_t unit_id);

  /// What the connection did from `before` to `after` was for this unit.
  void add(const Traffic& before, const Traffic& after);
  /// One of its requests was answered; `took`: from sending it to having the answer.
  void answered(std::chrono::microseconds took);
  void set_quarantined(bool quarantined) { use_.quarantined = quarantined; }

  [[nodiscard]] const UnitUse& use() const { return use_; }
  /// The longest of about the last hundred answers, 0 before the first one.
  [[nodiscard]] std::chrono::microseconds slowest_answer() const { return slowest_; }

 private:
  UnitUse use_;
  std::chrono::microseconds slowest_{0};
};

}  // namespace flopwatt::modbus
