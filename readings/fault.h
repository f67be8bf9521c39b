// A failure of a source, as a value. Expected failures travel in Result<T>; exceptions are for bugs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace flopwatt {

/// The classes of failure that users count by: `flopwatt_poll_failures_total{fault}`.
enum class FaultClass : unsigned char {
  timeout,     ///< no answer within the deadline; the source may be silent
  crc,         ///< an answer with a wrong checksum: wiring, termination, baud rate
  exception,   ///< the device refused the request: device and link are alive
  protocol,    ///< an answer that does not fit the request: the link's framing is in doubt
  connection,  ///< no connection: refused, reset, unreachable, name not found
  device,      ///< the device or its library reports itself unusable (lost, reset required, driver gone)
};

inline constexpr std::array all_fault_classes = {FaultClass::timeout,    FaultClass::crc,
                                                 FaultClass::exception,  FaultClass::protocol,
                                                 FaultClass::connection, FaultClass::device};

/// The class in the label `fault` and in the key `fault` of `status/<source>`.
constexpr std::string_view name_of(FaultClass fault) {
  switch (fault) {
    case FaultClass::timeout:
      return "timeout";
    case FaultClass::crc:
      return "crc";
    case FaultClass::exception:
      return "exception";
    case FaultClass::protocol:
      return "protocol";
    case FaultClass::connection:
      return "connection";
    case FaultClass::device:
      return "device";
  }
  return "device";
}

/// How often each class of fault has occurred.
class FaultCounts {
 public:
  void add(FaultClass fault, std::uint64_t times = 1) {
    counts_.at(static_cast<std::size_t>(fault)) += times;
  }
  [[nodiscard]] std::uint64_t operator[](FaultClass fault) const {
    return counts_.at(static_cast<std::size_t>(fault));
  }
  bool operator==(const FaultCounts&) const = default;

 private:
  std::array<std::uint64_t, all_fault_classes.size()> counts_{};
};

/// One failure. `message` says what was tried, on what, and what came back; never a bare errno.
struct Fault {
  FaultClass fault_class = FaultClass::device;
  std::string message;
  int code = 0;  ///< Modbus exception code or library return code, 0 where there is none
};

}  // namespace flopwatt
