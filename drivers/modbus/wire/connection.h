// The way to the devices of one bus: "read n registers of unit u". It belongs to the bus, which makes one
// call at a time; metering loop only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "config/config.h"
#include "drivers/modbus/wire/mbap.h"
#include "readings/fault.h"
#include "readings/reading_set.h"
#include "readings/result.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

/// What the meter that is read allows and needs.
struct ReadOptions {
  std::chrono::microseconds timeout{1'000'000};  ///< from sending the request to having the whole answer
  std::chrono::microseconds pause{0};            ///< silence after the transaction before
  bool accept_unit_mismatch = false;             ///< Modbus TCP only
};

struct Answer {
  Moment sent, received;
  std::span<const std::uint8_t> registers;  ///< 2 bytes each, as on the wire; valid until the next call
};

/// What was done on a connection since it was made. Only grows.
struct Traffic {
  std::uint64_t openings = 0;  ///< grows when it is opened anew: the device may have been restarted
  std::uint64_t requests = 0;  ///< sent, repeated ones too
  FaultCounts failures;        ///< attempts that failed
  std::chrono::microseconds turnaround{0};  ///< from sending to having the answer, of the answered ones
};

class Connection {
 public:
  virtual ~Connection() = default;

  /// What it needs beside the reads; runs until it is cancelled. Without it nothing is read or times out.
  virtual boost::asio::awaitable<void> watch() = 0;

  /// One transaction with one absolute deadline; connects where it must. Faults:
  ///   timeout     no whole answer in time
  ///   crc         an answer with a wrong checksum
  ///   exception   the device refuses; Fault::code is its exception code; the link is good
  ///   protocol    the framing was in doubt; the connection is closed, or the line left alone until silent
  ///   connection  no connection, or it broke; not before retry_at() is it tried again
  /// Throws only when cancelled.
  virtual boost::asio::awaitable<Result<Answer>> read(const ReadRequest& request,
                                                      const ReadOptions& options) = 0;

  /// Closes; the next read opens it again.
  virtual void close() = 0;

  /// Until then every read fails at once for want of a connection; in the past where there is no reason to
  /// wait.
  [[nodiscard]] virtual SteadyTime retry_at() const = 0;

  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 protected:
  /// How one attempt ended.
  void count(const Result<Answer>& result);

  Traffic traffic_;
};

/// The connection to `address`, closed. `serial` is of meaning for a serial line only.
[[nodiscard]] std::unique_ptr<Connection> make_connection(const boost::asio::any_io_executor& executor,
                                                          const ModbusAddress& address,
                                                          const SerialSettings& serial);

/// The fault of one transaction: "reading registers 0 to 9 (function 3) of unit 1 at tcp://...: <outcome>".
[[nodiscard]] Fault transaction_fault(FaultClass fault_class, const ModbusAddress& address,
                                      const ReadRequest& request, const std::string& outcome, int code = 0);

/// "500 ms"
[[nodiscard]] std::string milliseconds_text(std::chrono::microseconds duration);

}  // namespace flopwatt::modbus
