// Loads of a rack: power as a piecewise constant function of time, whose integrals are exact.
#pragma once

#include <string_view>
#include <vector>

#include "tests/monte_carlo/random.h"

namespace flopwatt::monte_carlo {

/// Times in seconds of the simulation, power in watts, energy in joules.
class Load {
 public:
  /// Power from `until`'s predecessor (or the beginning) to `until`; in order of time.
  explicit Load(double begin) : begin_(begin) {}
  void append(double seconds, double watts);

  [[nodiscard]] double begin() const { return begin_; }
  [[nodiscard]] double end() const { return segments_.empty() ? begin_ : segments_.back().end; }
  [[nodiscard]] double watts(double t) const;
  /// Energy since the beginning.
  [[nodiscard]] double joules(double t) const;
  [[nodiscard]] double joules(double from, double to) const { return joules(to) - joules(from); }
  [[nodiscard]] double mean(double from, double to) const { return joules(from, to) / (to - from); }

  /// Work is done in proportion to the power above this.
  double idle_watts = 0;
  double highest_watts = 0;

 private:
  struct Segment {
    double end = 0, watts = 0, joules_at_end = 0;
  };
  [[nodiscard]] const Segment& at(double t) const;

  double begin_ = 0;
  std::vector<Segment> segments_;
};

enum class LoadKind { constant, ramp, training, bursts, deep_bursts, square, fast, nights };

[[nodiscard]] std::string_view name_of(LoadKind kind);

/// A random load of that kind. `interval`: of the meters' polls, which `square` is nearly synchronous with.
[[nodiscard]] Load random_load(LoadKind kind, double begin, double end, double interval, Random& random);

}  // namespace flopwatt::monte_carlo
