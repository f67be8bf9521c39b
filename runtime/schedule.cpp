#include "runtime/schedule.h"

#include <algorithm>

namespace flopwatt {

Schedule::Schedule(std::chrono::microseconds period, std::chrono::microseconds offset, Pace pace,
                   SteadyTime from)
    : period_(period),
      offset_(offset),
      pace_(pace),
      // Two beats before, since a moving one comes up to a period late.
      beat_((from - SteadyTime{} - offset) / period - 2),
      due_(due_of(beat_)) {
  while (due_ < from) due_ = due_of(++beat_);
}

SteadyTime Schedule::due_of(std::int64_t beat) {
  const auto moved = pace_ == Pace::moving ? phase_.of(beat, period_) : std::chrono::microseconds(0);
  return SteadyTime{} + beat * period_ + offset_ + moved;
}

std::int64_t Schedule::first_after(SteadyTime now) {
  // Only the beat of the period of `now` and those beside it are in question, also after a long pause.
  std::int64_t beat = std::max(beat_ + 1, std::int64_t{(now - SteadyTime{} - offset_) / period_} - 1);
  while (due_of(beat) <= now) ++beat;
  return beat;
}

std::uint64_t Schedule::move_to(std::int64_t beat) {
  const auto passed = static_cast<std::uint64_t>(beat - beat_ - 1);
  beat_ = beat;
  due_ = due_of(beat);
  return passed;
}

std::uint64_t Schedule::advance(SteadyTime now) { return move_to(first_after(now)); }

std::uint64_t Schedule::catch_up(SteadyTime now) {
  return move_to(std::max(beat_ + 1, first_after(now) - 1));
}

}  // namespace flopwatt
