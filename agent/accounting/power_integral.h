// Energy from power readings by the trapezoid rule: for sources without an energy counter, and for windows
// that are too short for a coarse counter.
//
// Uncertainty: assume that between two readings the load stepped once, from P0 to P1, at a moment u
// that is uniform over the interval dt. The true energy is P0 u + P1 (dt - u), the trapezoid (P0 +
// P1)/2 dt. The difference (P0 - P1)(u - dt/2) has mean 0 and variance (dP dt)^2 / 12. The error of a
// smooth load is much smaller.
//
// A load that moves faster than the polls is worse: its readings are independent, each stands for a whole
// interval, and the variance is (dt s)^2 an interval, with s^2 the variance of the readings. Such readings go
// back and forth: the mean of -dP dP' of neighbouring differences is s^2, that of dP^2 is 2 s^2, while one
// step is followed by no difference. So each interval has (dP dt)^2 / 12 + 5/6 max(0, -dP dP') dt^2, which is
// s^2 dt^2 (and somewhat more) for independent readings. That a load of a period near that of the polls is
// seen so needs polls at phases that move.
//
// A meter may refresh its power more slowly than it is polled (power_age.h). A value that repeats within its
// age T is no new reading: the interval is then that from one fresh value to the next, and a step is shown
// late, by T/2 in the mean: + (dP T)^2 / 4. The error of a reading's time stamp does to the integral what it
// does to a step: + (dP u_t)^2.
//
// Meters show power as its mean over a time that they mostly do not tell, up to M = 1 s. A step is shown late by half
// of it: a bound of 0 to M/2, + (dP M)^2 / 12.
//
// A reading of more than ten times the highest recent power is in doubt. If the next reading is of the same
// size, the doubtful one was a load step, and both count. Else it is dropped: it may have been a glitch or a
// burst, so the energy from the reading before to the reading after is not known, and what it would have been
// as a burst tells what readings may miss (usual_variance.h). The first reading is not used before the second
// agrees with it. More than possible_watts is no reading at all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace flopwatt::accounting {

/// The highest likely power, from recent power. Forgets with a time constant of five minutes, so that it
/// recovers from absurd readings: a burst that it then doubts is still counted by a register.
class LikelyPower {
 public:
  static constexpr double factor = 10;
  static constexpr double floor_watts = 1e3;     ///< lower readings are never in doubt
  static constexpr double unknown_watts = 10e6;  ///< before the first reading: more than a row of racks takes
  static constexpr double possible_watts = 1e9;  ///< more than any site takes
  static constexpr double jump_watts = 1e6;      ///< a register may jump by that at least

  void observe(std::int64_t time_us, double watts);
  [[nodiscard]] bool is_known() const { return is_known_; }
  [[nodiscard]] double peak() const { return peak_; }
  [[nodiscard]] double limit() const;
  /// What a register's confirmed jump may come to.
  [[nodiscard]] double jump_limit() const;

 private:
  double peak_ = 0;
  std::int64_t time_us_ = 0;
  bool is_known_ = false;  // a peak of 0 W is known, too
};

struct PowerStep {
  std::int64_t since_us = 0;
  std::int64_t time_us = 0;
  double joules = 0;
  double variance = 0;      ///< J^2
  double to_and_fro = 0;    ///< the part of it from a load that went back; also where not known, J^2
  double watts = 0;         ///< at time_us
  bool is_known = true;     ///< false: a reading between was in doubt and is dropped
  double burst_joules = 0;  ///< then: the energy, if that reading was a burst; 0: it cannot have been one
};

class PowerIntegral {
 public:
  /// The steps that this reading makes certain, none while it is in doubt. Valid until the next call. Export
  /// (negative power) counts as 0: the integral is of import. The first reading makes a step of no length.
  [[nodiscard]] std::span<const PowerStep> add(std::int64_t time_us, double watts, const LikelyPower& likely);
  /// How old a value may be from now on, s, and the variance of its time stamp, s^2.
  void set_age(double seconds) { age_s_ = seconds; }
  void set_time_variance(double variance) { time_variance_ = variance; }

  /// Time of the newest certain reading; nullopt: none yet.
  [[nodiscard]] std::optional<std::int64_t> last_us() const;
  /// Whether the newest reading contradicts the ones before it.
  [[nodiscard]] bool in_doubt() const { return suspect_ && last_; }

 private:
  struct Reading {
    std::int64_t time_us = 0;
    double watts = 0;
  };
  void accept(const Reading& reading, bool is_known);

  std::optional<Reading> last_;
  std::optional<Reading> suspect_;
  void add_variance(PowerStep& step, double rise, double dt);

  double age_s_ = 0, time_variance_ = 0;
  double rise_ = 0;            // of the interval before, W; 0: none
  std::int64_t fresh_us_ = 0;  // when the present value was first seen
  std::array<PowerStep, 2> steps_{};
  std::size_t step_count_ = 0;
};

}  // namespace flopwatt::accounting
