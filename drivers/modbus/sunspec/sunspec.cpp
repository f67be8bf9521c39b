#include "drivers/modbus/sunspec/sunspec.h"

namespace flopwatt::modbus {

boost::asio::awaitable<Result<std::optional<SunSpecDevice>>> discover_sunspec(Connection& connection,
                                                                              std::uint8_t unit,
                                                                              const ReadOptions& options) {
  constexpr int acknowledge = 5, busy = 6, no_path = 10, no_target = 11;
  SunSpecWalk walk(unit);
  while (const auto request = walk.next()) {
    const auto answer = co_await connection.read(*request, options);
    if (answer) {
      walk.answered(answer->registers);
      continue;
    }
    const Fault& fault = answer.error();
    const bool exception = fault.fault_class == FaultClass::exception;
    const bool silence = fault.fault_class == FaultClass::timeout ||
                         (exception && (fault.code == no_path || fault.code == no_target));
    const bool later = !exception || fault.code == acknowledge || fault.code == busy;
    if (silence) {
      if (!walk.unanswered()) co_return fault;
    } else {
      if (later) co_return fault;
      walk.refused();
    }
  }
  co_return walk.device();
}

}  // namespace flopwatt::modbus
