// The connection to the devices of one bus: reads n registers of unit u. The bus owns it and makes one call
// at a time. Metering loop only.
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

/// How the meter wants to be read.
struct ReadOptions {
  std::chrono::microseconds timeout{1'000'000};  ///< from sending the request to having the whole answer
  std::chrono::microseconds pause{0};            ///< silence since the previous transaction
  bool accept_unit_mismatch = false;             ///< whether another unit id may answer; Modbus TCP only
};

struct Answer {
  Moment sent, received;
  std::span<const std::uint8_t> registers;  ///< 2 bytes each, as on the wire; valid until the next read
};

/// What was done on a connection since it was made. The numbers only grow.
struct Traffic {
  std::uint64_t openings = 0;  ///< how often it was opened: between two of them a device may have restarted
  std::uint64_t requests = 0;  ///< sent requests, repetitions included
  FaultCounts failures;        ///< failed attempts by class of fault
  std::chrono::microseconds turnaround{0};  ///< from sending requests to having their answers, summed up
};

class Connection {
 public:
  virtual ~Connection() = default;

  /// Has to run beside the reads, until it is cancelled: without it no read ends.
  virtual boost::asio::awaitable<void> watch() = 0;

  /// One transaction with one absolute deadline; opens the connection where that is necessary. Faults:
  ///   timeout     no whole answer in time
  ///   crc         an answer with a wrong checksum
  ///   exception   the device or a gateway refuses; Fault::code is the exception code, see exceptions.h
  ///   protocol    the framing was in doubt; the connection is closed, or the line left alone until silent
  ///   connection  no connection, or it broke; it is not tried again before retry_at()
  /// Throws only when cancelled.
  virtual boost::asio::awaitable<Result<Answer>> read(const ReadRequest& request,
                                                      const ReadOptions& options) = 0;

  /// Closes the connection; the next read opens it again.
  virtual void close() = 0;

  /// Every read before that moment fails at once, since no connection could be made. The moment has passed
  /// where there is no reason to wait.
  [[nodiscard]] virtual SteadyTime retry_at() const = 0;

  [[nodiscard]] const Traffic& traffic() const { return traffic_; }

 protected:
  /// Counts how one attempt ended.
  void count(const Result<Answer>& result);

  Traffic traffic_;
};

/// A connection to `address` that is not open yet. `serial` has a meaning for a serial line only.
[[nodiscard]] std::unique_ptr<Connection> make_connection(const boost::asio::any_io_executor& executor,
                                                          const ModbusAddress& address,
                                                          const SerialSettings& serial);

/// The fault of one transaction: "reading registers 0 to 9 (function 3) of unit 1 at tcp://...: <outcome>".
[[nodiscard]] Fault transaction_fault(FaultClass fault_class, const ModbusAddress& address,
                                      const ReadRequest& request, const std::string& outcome, int code = 0);

/// A duration for a sentence, in whole milliseconds: "500 ms".
[[nodiscard]] std::string milliseconds_text(std::chrono::microseconds duration);

}  // namespace flopwatt::modbus
