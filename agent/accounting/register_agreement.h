// Whether the energy register of a source and its integrated power agree.
//
// Both measure the same energy. From one move of the register to another, its growth G is known to what flows
// in one poll, however coarse it counts, and the integral I to its sampling variance V. So their ratio is
// known better and better, over the moves of the last hour:
//
//   s^2 = (V + 2 (P dt)^2 / 12) / I^2
//
// The ratio corrects the integral in windows that the register does not resolve: the register gives the
// length of the energy curve, power its shape. Before it is known, register and power of one meter are taken
// to agree to 0.3 % (k=1): they share transformers and converter.
//
// A register stands still if it has not moved for two minutes and three of its steps at the power shown, and
// for three times the longest rest at which it has been seen to jump: then power gives the energy. The two
// contradict each other if they are further apart than the class, 3 % and three standard deviations explain:
// a wrong unit, swapped words (register_leaps.h), a sensor that sees part of the time.
//
// A rest in which power told of two steps and more ends in one of two ways. The register tells at once what
// flowed: then it was late, and power tells the course of its growth. Or it goes on as if nothing had flowed,
// although power was steady and both have agreed so far: then it has lost that energy. A register that tells at once
// another energy than power did shows that the device had stopped measuring.
//
// Over stretches of 20 s and more the two also tell how wrong the integral really is, by (G - I)^2. What is
// more than all that explains it, in the mean of the last half hour, is an error of every window that uses
// the integral: bursts that no reading falls on, values that repeat. Where it is less, V is too large.
#pragma once

#include <cstdint>
#include <optional>

#include "agent/accounting/register_leaps.h"
#include "agent/accounting/time_span.h"
#include "readings/register_verdict.h"

namespace flopwatt::accounting {

/// How a rest of the register ended in which power told of two steps and more.
enum class RestEnd : std::uint8_t {
  none,      ///< there was no such rest
  late,      ///< the register told at once what had flowed, as power says
  disputed,  ///< it told at once what had flowed, but power says otherwise: its values were no new ones
  lost,      ///< it goes on as if nothing had flowed
  first,     ///< it had not been seen to move before: some of its growth is of the time before
};

struct Rest {
  RestEnd end = RestEnd::none;
  TimeSpan span;      ///< from the last move to the reading at which the register has moved again
  double joules = 0;  ///< that power told in `span`
};

class RegisterAgreement {
 public:
  /// The register's growth over its integral, with its variance.
  struct Ratio {
    double value = 1;
    double variance = 0;
  };

  /// `accuracy`: relative half-width, class and transformers.
  void set_accuracy(double accuracy) { accuracy_ = accuracy; }
  /// The register begins anew.
  void begin_epoch();
  /// The source is another device.
  void begin_device();

  /// One interval of integrated power; not known: the time counts, no pair is made of it.
  void integrate(double joules, double variance, double length_s, bool is_known);
  /// Each value that the register shows, whether it is believed or not. `step`: as below. `most_watts`: the
  /// highest likely power.
  void show(std::int64_t time_us, double joules, double step, double most_watts);
  /// The register at that time: its growth since its reading before. `step`: that of the register, J.
  void count(std::int64_t time_us, double growth, double step, bool is_known);

  /// What power tells since the register last moved, J.
  [[nodiscard]] double since_move() const { return since_move_.joules; }
  /// The same up to the last reading at which it stood still: its step is at least that, or its value that old.
  [[nodiscard]] double while_still() const { return still_joules_; }
  /// Since it began.
  [[nodiscard]] bool has_moved() const { return has_moved_; }
  /// The rest that the newest reading ended.
  [[nodiscard]] const Rest& rest() const { return rest_; }
  /// The longest rest after which the register has lately jumped by more than two steps, s: the age of its
  /// values. 0: none was seen.
  [[nodiscard]] double refresh_s() const { return refresh_s_; }
  [[nodiscard]] RegisterVerdict verdict() const { return verdict_; }
  /// What the verdict follows from.
  [[nodiscard]] ComparedEnergy compared() const;
  /// Growth over integral of the last hour; nullopt: not resolved yet.
  [[nodiscard]] std::optional<double> ratio() const;
  /// To correct the integral with.
  [[nodiscard]] Ratio correction() const;
  /// Variance of the integral that its readings do not tell, for each second, J^2/s.
  [[nodiscard]] double unexplained_rate() const;
  /// What of the variance of the integral is really there, a half to 1.
  [[nodiscard]] double confirmed_share() const;

 private:
  struct Sums {
    double growth = 0, joules = 0, variance = 0, seconds = 0;
    bool is_known = true;
  };

  void move(std::int64_t time_us, double growth, double step, bool is_near);
  [[nodiscard]] RestEnd rest_end(double growth, double step) const;
  [[nodiscard]] bool is_usual_rest() const;
  [[nodiscard]] bool agrees_over_rest(double growth, double step) const;
  void compare(double growth, double edge);
  [[nodiscard]] RegisterVerdict judge(double step) const;
  [[nodiscard]] double ratio_variance() const;

  // Squares of G - I, and what is expected of them.
  struct Comparison {
    double squares = 0, variance = 0, edges = 0, seconds = 0, stretches = 0;
  };

  double accuracy_ = 0;
  RegisterLeaps leaps_;
  Sums since_move_;  // growth unused
  Sums moves_;       // of the last hour, from move to move
  bool has_moved_ = false;
  std::int64_t moved_us_ = 0;     // or its first reading; 0: none yet
  bool is_moment_known_ = false;  // of the step that the newest move ended with
  double still_joules_ = 0;       // integrated when the register was last seen to stand still
  Rest rest_;
  double refresh_s_ = 0;
  Sums stretch_;             // of moves, until it is long enough to be compared
  double stretch_edge_ = 0;  // energy within which its begin is known, J
  Comparison compared_;
  double mean_interval_ = 0;  // mean square of the energy of intervals with a move, J^2
  double last_interval_ = 0;  // integrated in the newest interval, J
  double edge_ = 0;           // the largest recent energy of one interval with a move, J
  RegisterVerdict verdict_ = RegisterVerdict::agrees;
};

}  // namespace flopwatt::accounting
