// What workloads say of their work, for one accelerator or for a scope as a whole, as a function of monotonic
// time. The agent adds up the lines itself, so the total never wraps or glitches; it begins at 0 when the agent
// does. When counting begins again after a pause, the total goes on where it stood.
//
// A reading tells two things: all that was counted, which totals grow by, and the part of it that was done by
// the moment up to which all senders have told their work. Windows are made of that part.
//
// Counting comes in lumps: a training step reports its work when the step is done. The share of a lump that
// lies inside a window is unknown at both ends of the window. So the largest recent growth q between two
// readings is treated as the step of a register: u^2 = 2 (q/sqrt 12)^2 for each stretch, and the full bound of
// q^2/3 while the window holds fewer than ten lumps. Fewer than three tell nothing: the part says so, and its
// variance is that of work which is not known. Lumps are forgotten with a time constant of 15 minutes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/accounting/track.h"
#include "agent/accounting/work.h"

namespace flopwatt::accounting {

/// A line tells no longer time than this, so what was told is no older.
inline constexpr std::chrono::minutes longest_told{5};

struct CountedReading {
  std::int64_t time_us = 0;
  double work = 0;  ///< cumulative, FLOP; `absent`: nothing is counted
  double told = 0;  ///< the part that was done by told_us; `absent`: not known since told_us before
  std::int64_t told_us = 0;
  double time_variance = 0;  ///< of the time stamp, s^2
};

class CountedWork {
 public:
  void set_longest_gap(std::int64_t longest_gap_us) { longest_gap_us_ = longest_gap_us; }
  /// Nothing was counted before the first reading: all of that reading is growth.
  void begin_at_zero() { last_ = last_told_ = 0; }

  /// Returns the growth, FLOP.
  double add(const CountedReading& reading, const Retention& retention);

  /// When a line was heard last, which may only be where counting begins; 0: none was.
  [[nodiscard]] std::int64_t heard_us() const { return heard_us_; }
  /// Whether the newest reading tells work.
  [[nodiscard]] bool offered() const { return offered_; }
  [[nodiscard]] std::int64_t reached_us() const { return offered_ ? told_us_ : newest_us_; }
  /// Adds the unknown stretches of `window` to `gaps`. Returns whether any part of the window is known.
  bool add_gaps(TimeSpan window, TimeSpans& gaps) const { return track_.add_gaps(window, gaps) != 0; }
  /// FLOP/s.
  [[nodiscard]] double highest_rate() const { return track_.rate_range().highest; }
  /// The work over `covered`; its bounds equal the work. Growth in gaps counts as 0. Call only if some part
  /// of the time is known.
  [[nodiscard]] WorkPart part(std::span<const TimeSpan> covered) const;

 private:
  void tell(const CountedReading& reading, const Retention& retention);
  void follow_lumps(double growth, std::int64_t since_us);

  std::int64_t longest_gap_us_ = 0;
  Track<1> track_;
  std::optional<double> last_, last_told_;
  std::int64_t heard_us_ = 0;
  bool offered_ = false;
  std::int64_t told_us_ = 0;
  double lump_ = 0;  // the largest recent one, FLOP
  TimeVariance time_variance_;
  std::int64_t newest_us_ = 0;
};

}  // namespace flopwatt::accounting
