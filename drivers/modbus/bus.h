// One bus: the one connection to an address and the meters behind it, polled one after another. Metering loop
// only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "drivers/modbus/bus_plan.h"
#include "drivers/modbus/meter.h"
#include "drivers/modbus/tcp_connection.h"
#include "runtime/driver.h"

namespace flopwatt::modbus {

class Bus {
 public:
  /// The bus of `plan`, of which it copies what it needs. `meters` must not be empty.
  Bus(const boost::asio::any_io_executor& executor, const BusPlan& plan, std::vector<Meter> meters);

  /// Polls until cancelled.
  boost::asio::awaitable<void> run(Intake& intake);

  [[nodiscard]] BusUse use() const;

 private:
  boost::asio::awaitable<void> poll_for_ever(Intake& intake);
  boost::asio::awaitable<void> poll(Meter& meter, Intake& intake);
  /// The meter to poll at `now`; where none is due, the one that will be first.
  Meter& next(SteadyTime now);

  std::string name_;
  TcpConnection connection_;
  std::vector<Meter> meters_;
  boost::asio::steady_timer timer_;
  std::chrono::microseconds busy_{0};
};

}  // namespace flopwatt::modbus
