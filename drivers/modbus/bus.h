// One bus: the connection to one address and the meters behind that address, which the bus polls one after
// another. Everything here runs on the metering loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "drivers/driver.h"
#include "drivers/modbus/bus_plan.h"
#include "drivers/modbus/bus_use.h"
#include "drivers/modbus/meter.h"
#include "drivers/modbus/wire/connection.h"

namespace flopwatt::modbus {

class Bus {
 public:
  using Meters = std::vector<std::shared_ptr<Meter>>;

  /// Copies what it needs of `plan`. `meters` is not empty.
  Bus(const boost::asio::any_io_executor& executor, const BusPlan& plan, Meters meters);

  /// Whether the plan has the same address and serial settings.
  [[nodiscard]] bool is_line_of(const BusPlan& plan) const;

  [[nodiscard]] const ModbusAddress& address() const { return address_; }

  [[nodiscard]] const Meters& meters() const { return meters_; }
  /// Takes over another plan of the same line. `meters` is not empty. The connection stays open.
  void change(const BusPlan& plan, Meters meters);

  /// Polls the meters until it is cancelled. `intake` outlives the call.
  boost::asio::awaitable<void> run(Intake& intake);

  [[nodiscard]] BusUse use() const;
  /// The answer to Driver::why_absent() for a meter of this bus; "" for any other source.
  [[nodiscard]] std::string why_absent(SourceId id, Channel channel) const;

 private:
  boost::asio::awaitable<void> poll_for_ever(Intake& intake);
  boost::asio::awaitable<void> poll(std::shared_ptr<Meter> meter, Intake& intake);
  /// The meter to poll at `now`; where none is due, the meter that is due first.
  [[nodiscard]] const std::shared_ptr<Meter>& next(SteadyTime now) const;
  /// Of the meter at `index`, among those that are due at the same moment: the lowest is polled first.
  [[nodiscard]] std::size_t place_of(std::size_t index) const;

  std::string name_;
  ModbusAddress address_;
  SerialSettings serial_;
  std::unique_ptr<Connection> connection_;
  Meters meters_;
  boost::asio::steady_timer timer_;
  std::chrono::microseconds cycle_;
  std::chrono::microseconds busy_{0};
};

}  // namespace flopwatt::modbus
