#include "drivers/modbus/round.h"

#include "runtime/clock.h"

namespace flopwatt::modbus {

void Round::answered(const Answer& answer, unsigned time_rank) {
  if (set_time_ && set_time_->rank <= time_rank) return;
  const std::int64_t took_us = answer.received.monotonic_us - answer.sent.monotonic_us;
  set_time_ = {time_rank, midpoint(answer.sent, answer.received), took_us / 2};
}

}  // namespace flopwatt::modbus
