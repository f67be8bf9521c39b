// What power readings usually do not see: the variance of loads that go to and fro between them, over the
// last hour.
//
// The readings of a short window may all have missed a burst, or all have met one: they tell too little of
// what they did not see. So a window has at least the variance that is usual for its length. A step that
// lasts is no part of it: the readings of the window show it. The largest one seen counts twice: what has
// happened once in a short time may have been luck.
//
// A reading that was dropped was a glitch, or a burst. It counts as a burst for some minutes, and for good
// where another of its size comes within the hour.
#pragma once

namespace flopwatt::accounting {

class UsualVariance {
 public:
  /// One interval between two readings. `to_and_fro`: as in PowerStep. Not certain: of a reading that was
  /// dropped.
  void observe(double to_and_fro, double length_s, bool is_certain);

  /// For each second, J^2/s. 0: nothing is known.
  [[nodiscard]] double rate() const;

 private:
  void observe_dropped(double to_and_fro);

  double sum_ = 0, largest_ = 0, seconds_ = 0;
  double dropped_ = 0, dropped_age_s_ = 0;
};

}  // namespace flopwatt::accounting
