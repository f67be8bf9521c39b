// Work that workloads have counted, for one accelerator or for a scope as a whole, as a function of monotonic
// time. The agent adds up the lines itself, so the total never wraps, falls or glitches: it needs no hygiene,
// and it goes on where it stood when counting begins again after a pause.
//
// Counting comes in lumps: a training step tells its work when it is done. How much of the lumps at both ends
// of a window was done inside it is not known: the largest recent growth q between two readings is taken as
// the step of a register, u^2 = 2 (q/sqrt 12)^2 for each stretch (facts on method, 5.4). Lumps are forgotten
// with a time constant of 15 minutes.
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
  /// Nothing has been counted before the first reading, so that one is growth as a whole.
  void begin_at_zero() { last_ = 0; }

  /// `work`: cumulative; `absent` (or not finite) while counting is not offered. Returns the growth, FLOP.
  double add(std::int64_t time_us, double work, double time_variance, const Retention& retention);

  [[nodiscard]] bool offered() const { return offered_; }
  [[nodiscard]] std::int64_t reached_us() const { return newest_us_; }
  /// Adds what is not known to `gaps`; returns whether anything of the window is known.
  bool add_gaps(TimeSpan window, std::vector<TimeSpan>& gaps) const {
    return track_.add_gaps(window, gaps) != 0;
  }
  /// The bounds are the work. Where spans hold gaps, nothing grew in them. Something must be known.
  [[nodiscard]] WorkPart part(std::span<const TimeSpan> covered) const;

 private:
  void follow_lumps(double growth, std::int64_t since_us);

  std::int64_t longest_gap_us_ = 0;
  Track<1> track_;
  std::optional<double> last_;
  bool offered_ = false;
  double lump_ = 0;  // the largest of late, FLOP
  TimeVariance time_variance_;
  std::int64_t newest_us_ = 0;
};

}  // namespace flopwatt::accounting
