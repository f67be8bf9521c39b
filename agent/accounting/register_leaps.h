// Leaps of an energy register: rises that power cannot explain by far, again and again, as swapped words make
// them (each Wh counts as 65,536). The counter believes none of them, so that no growth is left to compare.
//
// A leap is a rise of more than 20 times what power tells since the register last moved, and two steps, and of
// more than any likely power gives between two readings: a burst that no power reading fell on is none. A return
// to where the register was before it fell is none. Three within ten minutes are told.
#pragma once

#include <cstdint>

#include "readings/register_verdict.h"

namespace flopwatt::accounting {

class RegisterLeaps {
 public:
  void integrate(double joules, double length_s);
  /// Each value of the register, J, whether the counter believes it or not. `step`: of the register, J.
  /// `most_watts`: the highest likely power.
  void observe(std::int64_t time_us, double joules, double step, double most_watts);
  void forget() { *this = {}; }

  [[nodiscard]] bool are_told() const { return count_ >= 3; }
  /// From the first leap on.
  [[nodiscard]] const ComparedEnergy& compared() const { return sum_; }

 private:
  bool is_known_ = false, has_moved_ = false;
  double last_ = 0, before_fall_ = -1;
  double since_move_ = 0, since_move_s_ = 0;  // integrated power, J, and its time
  int count_ = 0;
  std::int64_t last_us_ = 0, moved_us_ = 0, leapt_us_ = 0;
  ComparedEnergy sum_;
};

}  // namespace flopwatt::accounting
