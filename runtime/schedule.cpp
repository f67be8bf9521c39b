#include "runtime/schedule.h"

namespace flopwatt {

Schedule::Schedule(std::chrono::microseconds period, std::chrono::microseconds offset, SteadyTime from)
    : period_(period), due_(SteadyTime{} + offset) {
  const auto behind = from - due_;
  auto beats = behind / period;
  if (behind % period != SteadyTime::duration::zero()) ++beats;
  due_ += beats * period;
}

std::uint64_t Schedule::advance(SteadyTime now) {
  due_ += period_;
  if (due_ > now) return 0;
  const auto missed = (now - due_) / period_ + 1;
  due_ += missed * period_;
  return static_cast<std::uint64_t>(missed);
}

}  // namespace flopwatt
