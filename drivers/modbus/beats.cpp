#include "drivers/modbus/beats.h"

#include <algorithm>

namespace flopwatt::modbus {

using namespace std::chrono_literals;
using std::chrono::microseconds;

Beats::Beats(microseconds interval, microseconds offset, SteadyTime from)
    : interval_(interval),
      schedule_(interval, offset, from),
      due_(std::min(schedule_.due(), Schedule(1s, offset, from).due())) {}

std::uint64_t Beats::advance(SteadyTime now) {
  // An extra first poll is not a beat: the first beat stays where it is.
  const std::uint64_t skipped = schedule_.due() > due_ ? 0 : schedule_.advance(now - interval_);
  due_ = schedule_.due();
  return skipped;
}

void Beats::defer(SteadyTime when) {
  if (schedule_.due() <= due_) schedule_.advance(due_);
  if (schedule_.due() < when) schedule_.advance(when - 1ns);
  due_ = schedule_.due();
}

}  // namespace flopwatt::modbus
