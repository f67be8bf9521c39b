// A Connection over a serial line: the loop's side of a SerialPort, which works on a thread of its own.
//
// The thread is given one transaction at a time and reports the outcome through an eventfd. At the deadline
// the line interrupts the port and reports the timeout, whatever the thread does. A thread that the kernel
// does not let go is abandoned, never waited for.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "drivers/modbus/wire/connection.h"
#include "runtime/condition.h"

namespace flopwatt::modbus {

/// How often a port that could not be opened is tried again. Opening it disturbs nobody.
inline constexpr std::chrono::seconds reopen_spacing{1};

class SerialLine final : public Connection {
 public:
  SerialLine(const boost::asio::any_io_executor& executor, ModbusAddress address,
             const SerialSettings& settings);
  ~SerialLine() override;
  SerialLine(const SerialLine&) = delete;
  SerialLine& operator=(const SerialLine&) = delete;

  /// Takes reports of the thread. When cancelled, ends the thread and waits 600 ms at most for that end.
  boost::asio::awaitable<void> watch() override;

  /// A port that has answered before and is gone is opened again once, and the read is repeated once:
  /// adapters come back under the same name. A read whose answer was garbled is repeated once, too: the late
  /// answer of another unit garbles an answer.
  boost::asio::awaitable<Result<Answer>> read(const ReadRequest& request,
                                              const ReadOptions& options) override;

  void close() override;

  [[nodiscard]] SteadyTime retry_at() const override { return retry_at_; }

 private:
  class Worker;

  boost::asio::awaitable<Result<Answer>> transact(const ReadRequest& request, const ReadOptions& options);
  /// Keeps `reason` for the reads of all meters until retry_at(); `reason` names the line, not a meter.
  Fault unusable(const std::string& reason);

  ModbusAddress address_;
  SerialSettings settings_;
  std::shared_ptr<Worker> worker_;  // shared with its thread
  boost::asio::posix::stream_descriptor news_;
  Condition changed_;

  bool answered_ = false;  // since the port was opened
  // The newest transaction brought bytes that are no answer.
  bool garbled_ = false;
  SteadyTime last_transaction_{};
  SteadyTime retry_at_{};
  std::string connect_fault_;
};

}  // namespace flopwatt::modbus
