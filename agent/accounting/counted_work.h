// Work that workloads have counted, for one accelerator or for a scope as a whole, as a function of monotonic
// time. The agent adds up the lines itself, so the total never wraps, falls or glitches and needs no hygiene.
// When counting begins again after a pause, the total goes on where it stood.
//
// Counting comes in lumps: a training step reports its work when the step is done. The share of a lump that
// lies inside a window is unknown at both ends of the window. So the largest recent growth q between two
// readings is treated as the step of a register: u^2 = 2 (q/sqrt 12)^2 for each stretch, and the full bound of
// q^2/3 while the window holds fewer than ten lumps. Fewer than three tell nothing: the variance is then that
// of work which is not known. Lumps are forgotten with a time constant of 15 minutes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/accounting/track.h"
#include "agent/accounting/work.h"

namespace flopwatt::accounting {

class CountedWork {
 public:
  void set_longest_gap(std::int64_t longest_gap_us) { longest_gap_us_ = longest_gap_us; }
  /// Nothing was counted before the first reading: all of that reading is growth.
  void begin_at_zero() { last_ = 0; }

  /// `work`: cumulative, FLOP; `absent` or not finite while counting is not offered.
  /// Returns the growth, FLOP.
  double add(std::int64_t time_us, double work, double time_variance, const Retention& retention);

  [[nodiscard]] bool offered() const { return offered_; }
  [[nodiscard]] std::int64_t reached_us() const { return newest_us_; }
  /// Adds the unknown stretches of `window` to `gaps`. Returns whether any part of the window is known.
  bool add_gaps(TimeSpan window, std::vector<TimeSpan>& gaps) const {
    return track_.add_gaps(window, gaps) != 0;
  }
  /// The work over `covered`; its bounds equal the work. Growth in gaps counts as 0. Call only if some part
  /// of the time is known.
  [[nodiscard]] WorkPart part(std::span<const TimeSpan> covered) const;

 private:
  void follow_lumps(double growth, std::int64_t since_us);

  std::int64_t longest_gap_us_ = 0;
  Track<1> track_;
  std::optional<double> last_;
  bool offered_ = false;
  double lump_ = 0;  // the largest recent one, FLOP
  TimeVariance time_variance_;
  std::int64_t newest_us_ = 0;
};

}  // namespace flopwatt::accounting
