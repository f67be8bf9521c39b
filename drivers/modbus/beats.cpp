#include "drivers/modbus/beats.h"

#include <algorithm>

namespace flopwatt::modbus {

using namespace std::chrono_literals;
using std::chrono::microseconds;

Beats::Beats(microseconds interval, microseconds offset, Pace pace, SteadyTime from)
    : schedule_(interval, offset, pace, from), due_(schedule_.due()) {
  if (interval > 1s) due_ = std::min(due_, Schedule(1s, offset, Pace::steady, from).due());
}

std::uint64_t Beats::advance(SteadyTime now) {
  // An extra first poll is not a beat: the first beat stays where it is.
  const std::uint64_t skipped = schedule_.due() > due_ ? 0 : schedule_.catch_up(now);
  due_ = schedule_.due();
  return skipped;
}

void Beats::defer(SteadyTime when) {
  if (schedule_.due() <= due_) schedule_.advance(due_);
  if (schedule_.due() < when) schedule_.advance(when - 1ns);
  due_ = schedule_.due();
}

}  // namespace flopwatt::modbus
