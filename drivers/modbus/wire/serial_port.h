// A serial port as a blocking device. libmodbus sets the line, frames requests and checks answers. One thread
// uses the port; only interrupt() may be called from another thread.
//
// libmodbus waits for each byte, not for the whole answer, and its waits cannot be cancelled. So it works on
// a descriptor of ours that always exists. To interrupt it, /dev/null is put in the place of that descriptor:
// every read of libmodbus then ends at once. The descriptor is below 1024, since libmodbus uses select().
#pragma once

#include <modbus/modbus.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "drivers/modbus/wire/descriptor.h"
#include "drivers/modbus/wire/rtu.h"
#include "readings/fault.h"
#include "readings/reading_set.h"
#include "runtime/schedule.h"

namespace flopwatt::modbus {

class SerialPort {
 public:
  /// How a transaction ended. Without a fault `reply` says what was answered.
  struct Outcome {
    std::optional<FaultClass> fault;
    /// Why there is a fault. That of a connection fault is a sentence with the line and what to do; any other
    /// reason is the end of a sentence.
    std::string reason;
    bool garbled = false;  ///< bytes came, but no answer: sending the request again may help
    Moment sent, received;
    Reply reply;  ///< into this port, until the next transaction
  };

  SerialPort(std::string path, const SerialSettings& settings);
  ~SerialPort() { close(); }
  SerialPort(const SerialPort&) = delete;
  SerialPort& operator=(const SerialPort&) = delete;

  /// Opens the port where that is necessary, sends the request and waits for the answer until `deadline`.
  /// Where bytes keep dripping in, it returns only after interrupt(), within byte_gap.
  [[nodiscard]] Outcome transact(const ReadRequest& request, SteadyTime deadline);

  /// To be called after a fault. Opens the port again where it was interrupted, and waits until the line is
  /// silent, for longest_recovery at most, so that late bytes are not taken for the next answer.
  void recover();

  void close();

  /// Ends the transaction in progress. The next transaction opens the port again. Any thread may call this
  /// function, which never blocks.
  void interrupt();

  /// After so long without a byte libmodbus takes an answer for incomplete. USB adapters hold bytes back for
  /// 16 ms, busy machines for longer.
  static constexpr std::chrono::milliseconds byte_gap{100};
  static constexpr std::chrono::milliseconds longest_recovery{200};

 private:
  struct FreeContext {
    void operator()(modbus_t* context) const { modbus_free(context); }
  };

  [[nodiscard]] std::optional<std::string> open();
  [[nodiscard]] std::string cannot_open(int error) const;
  void ask(const ReadRequest& request, SteadyTime deadline, Outcome& outcome);
  /// Whether something came; otherwise `outcome` says what happened.
  bool wait_for_answer(SteadyTime deadline, Outcome& outcome);
  void receive(const ReadRequest& request, Outcome& outcome);
  void lost(Outcome& outcome, int error);
  [[nodiscard]] bool was_replaced() const;

  const std::string path_;
  const SerialSettings settings_;
  const Descriptor null_;
  const Descriptor slot_;       // what libmodbus reads: the device, or /dev/null
  const Descriptor interrupt_;  // an eventfd, readable once interrupted
  std::atomic<bool> interrupted_ = false;

  std::unique_ptr<modbus_t, FreeContext> context_;  // null while the port is closed
  Descriptor lock_;
  int device_ = -1;  // as libmodbus opened it; kept, so that putting /dev/null into the slot closes nothing
  bool bytes_came_ = false;  // in the newest transaction
  std::array<std::uint8_t, MODBUS_RTU_MAX_ADU_LENGTH> frame_{};
};

}  // namespace flopwatt::modbus
