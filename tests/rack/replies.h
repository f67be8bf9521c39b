// Modbus answers: right ones, written by libmodbus so that this project's own framing is checked against
// somebody else's, and what the fault switches make of them.
#pragma once

#include <modbus.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "registers.h"
#include "state.h"

namespace rack {

using Frame = std::vector<std::uint8_t>;

inline constexpr std::uint8_t kIllegalFunction = 1;
inline constexpr std::uint8_t kIllegalAddress = 2;
inline constexpr std::uint8_t kIllegalValue = 3;
inline constexpr std::uint8_t kGatewayTargetFailed = 11;

struct ModbusDeleter {
  void operator()(modbus_t* context) const { modbus_free(context); }
};
using ModbusContext = std::unique_ptr<modbus_t, ModbusDeleter>;

// libmodbus sends what it frames; here it sends into a pair of sockets from which the frame is taken, to be
// delayed or spoilt before it goes to the client.
class ReplyWriter {
 public:
  ReplyWriter();
  ~ReplyWriter();
  ReplyWriter(const ReplyWriter&) = delete;
  ReplyWriter& operator=(const ReplyWriter&) = delete;

  // `request` is a whole request as modbus_receive() gave it.
  Frame values(const Frame& request, const std::vector<std::uint16_t>& values);
  Frame exception(const Frame& request, std::uint8_t code);

 private:
  Frame taken(int length);

  std::mutex mutex_;
  int sockets_[2];
  ModbusContext context_;
};

// The answer of a meter without faults.
Frame right_reply(ReplyWriter& writer, const Frame& request, const Meter& meter, const MeterFigures& figures);
// The faults that change bytes.
void spoil(Frame& frame, const MeterSwitches& switches);

}  // namespace rack
