// What a rack is measured with: meters and accelerators as the agent reads them.
#pragma once

#include <string>
#include <string_view>

#include "readings/reading_set.h"
#include "tests/monte_carlo/cell.h"
#include "tests/monte_carlo/load.h"
#include "tests/monte_carlo/random.h"

namespace flopwatt::monte_carlo {

/// Relative errors: energy and power times (1 + gain).
enum class GainModel { uniform, normal, independent };

[[nodiscard]] std::string_view name_of(GainModel model);

/// A gain within the half-width: uniform, or normal with a third of it as deviation.
[[nodiscard]] double random_gain(double half_width, GainModel model, Random& random);

/// Both clocks at `t` seconds of the simulation. `wall_offset_s`: how far into a quarter of an hour it began.
[[nodiscard]] Moment moment_at(double t, double wall_offset_s);

/// One meter with a share of the rack's load.
class Meter {
 public:
  Meter(const std::string& name, const MeterKind& kind, double interval, double share, Random& random);

  void set_gain(double gain) { gain_ = gain; }
  [[nodiscard]] const SourcePtr& source() const { return source_; }
  [[nodiscard]] double offset_s() const { return offset_s_; }
  /// A poll whose transaction's midpoint is at `t`.
  [[nodiscard]] ReadingSet read(const Load& load, double t, double wall_offset_s, Random& random) const;

 private:
  [[nodiscard]] double register_wh(const Load& load, double t) const;
  [[nodiscard]] double watts(const Load& load, double t) const;

  MeterKind kind_;
  SourcePtr source_;
  double share_ = 1, gain_ = 0, start_wh_ = 0;
  double refresh_s_ = 0, refresh_phase_s_ = 0, mean_s_ = 0;
  double offset_s_ = 0, half_duration_s_ = 0;
};

/// One accelerator with a share of the rack's load: its power is that share, its work in proportion to the
/// power above idle.
class Accelerator {
 public:
  Accelerator(int number, const Cell& cell, const Load& load, double share, double flop_per_joule,
              Random& random);

  void set_gain(double gain) { gain_ = gain; }
  void share_clock(double busy_drop) { busy_drop_ = busy_drop; }
  [[nodiscard]] const SourcePtr& source() const { return source_; }
  /// Polls must come in order of time: the driver adds up the work from poll to poll.
  [[nodiscard]] ReadingSet read(const Load& load, double t, double wall_offset_s, Random& random);
  [[nodiscard]] double work(const Load& load, double from, double to) const;

 private:
  struct PipeWork {
    double work = 0, spread = 0;
  };
  [[nodiscard]] double sensed_joules(const Load& load, double t) const;
  [[nodiscard]] double sensed_watts(const Load& load, double t) const;
  [[nodiscard]] double clock(const Load& load, double t) const;
  [[nodiscard]] double mean_clock(const Load& load, double from, double to) const;
  void add_pipe_work(const Load& load, double t);

  Cell cell_;
  SourcePtr source_;
  double share_ = 1, flop_per_joule_ = 1, gain_ = 0, busy_drop_ = 0;
  Load wander_;                 // of the clock, relative to the boost clock
  std::vector<double> sensed_;  // energy at the end of each 100 ms, as the sensor saw it
  double sensor_phase_s_ = 0, lump_s_ = 0, lump_phase_s_ = 0;
  double last_t_ = 0, last_change_ = 0;
  bool has_last_ = false;
  PipeWork told_;
};

}  // namespace flopwatt::monte_carlo
