// A serial line as a blocking device: opened, locked, spoken to and closed by libmodbus, which does termios,
// framing and checksums. One thread uses it; only interrupt() may be called from another.
//
// libmodbus waits for each byte, not for the whole answer, and its waits cannot be cancelled. So it works on
// a descriptor of ours that always exists: whoever wants the port back puts /dev/null there, and every read
// of libmodbus ends at once. Its select() also wants that descriptor to be below 1024.
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
    /// Where there is a fault. Of the connection it names the line and what to do; else it is the rest of a
    /// sentence.
    std::string reason;
    bool garbled = false;  ///< bytes came, but no answer: to ask once more may help
    Moment sent, received;
    Reply reply;  ///< into this port, until the next transaction
  };

  SerialPort(std::string path, const SerialSettings& settings);
  ~SerialPort() { close(); }
  SerialPort(const SerialPort&) = delete;
  SerialPort& operator=(const SerialPort&) = delete;

  /// Opens the port where it must, asks, and waits for the answer until `deadline` at most as long as bytes
  /// do not drip: then it returns only when it is interrupted, and within byte_gap.
  [[nodiscard]] Outcome transact(const ReadRequest& request, SteadyTime deadline);

  /// After a fault: opens the port again if it was interrupted, and waits until the line is silent, so that
  /// what still comes is not taken for the next answer. 200 ms at most.
  void recover();

  void close();

  /// From any thread: the transaction under way ends at once, and the port is opened anew before the next.
  /// Never blocks.
  void interrupt();

  /// libmodbus takes an answer for incomplete when nothing comes for this long; USB adapters hold bytes back
  /// for 16 ms, busy machines for longer.
  static constexpr std::chrono::milliseconds byte_gap{100};

 private:
  struct FreeContext {
    void operator()(modbus_t* context) const { modbus_free(context); }
  };

  [[nodiscard]] std::optional<std::string> open();
  [[nodiscard]] std::string cannot_open(int error) const;
  void ask(const ReadRequest& request, SteadyTime deadline, Outcome& outcome);
  /// Whether something came, and else what happened.
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

  std::unique_ptr<modbus_t, FreeContext> context_;  // null: closed
  Descriptor lock_;
  int device_ = -1;  // as libmodbus opened it; kept, so that putting /dev/null into the slot closes nothing
  bool bytes_came_ = false;  // in the newest transaction
  std::array<std::uint8_t, MODBUS_RTU_MAX_ADU_LENGTH> frame_{};
};

}  // namespace flopwatt::modbus
