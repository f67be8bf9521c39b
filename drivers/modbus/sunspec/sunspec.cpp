#include "drivers/modbus/sunspec/sunspec.h"

#include "drivers/modbus/wire/exceptions.h"

namespace flopwatt::modbus {

boost::asio::awaitable<Result<std::optional<SunSpecDevice>>> discover_sunspec(Connection& connection,
                                                                              std::uint8_t unit,
                                                                              const ReadOptions& options) {
  SunSpecWalk walk(unit);
  while (const auto request = walk.next()) {
    const auto answer = co_await connection.read(*request, options);
    if (answer) {
      walk.answered(answer->registers);
      continue;
    }
    const Fault& fault = answer.error();
    const bool is_silence = fault.fault_class == FaultClass::timeout ||
                            (fault.fault_class == FaultClass::exception && !unit_refused(fault));
    if (is_silence) {
      if (!walk.unanswered()) co_return fault;
    } else if (unit_refused(fault) && !calls_for(RequestStep::wait, fault)) {
      walk.refused();
    } else {
      co_return fault;
    }
  }
  co_return walk.device();
}

}  // namespace flopwatt::modbus
