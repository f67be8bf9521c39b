// The step in which an energy register really counts, learnt from its growth. A register may count in steps
// far coarser than its type tells: a float in kWh that counts in 0.1 kWh, an integer in Wh that moves by 100.
//
// All growth is a multiple of the step. So the step is the greatest common measure of the growth seen
// (Euclid's algorithm), up to the noise of the type: a float rounds each growth by one unit in the last place.
// One odd growth may be a torn reading: the measure shrinks when a second growth contradicts it, too.
#pragma once

namespace flopwatt::accounting {

class RegisterStep {
 public:
  /// Continues with the step that an earlier run has learnt.
  void restore(double step);
  /// Another register: nothing is known of it.
  void forget() { *this = {}; }

  /// Growth between two readings, 0 where the register stood still. `noise`: its rounding error, in the same
  /// unit.
  void observe(double growth, double noise);

  /// The step, in the unit of the growth. 0: not known, or growth was always the same, which tells nothing.
  [[nodiscard]] double learned() const { return stood_still_ || has_varied_ ? step_ : 0; }

 private:
  double step_ = 0;
  double contradiction_ = 0;  // the remainder of one growth that is no multiple; 0: none
  double last_growth_ = 0;
  bool stood_still_ = false, has_varied_ = false;
};

}  // namespace flopwatt::accounting
