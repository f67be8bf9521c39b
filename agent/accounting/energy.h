// The energy of one source (a meter or a device) in joules, as a function of monotonic time.
// There are two estimates:
//
//   counter   The register of the source. The device integrates continuously, so polling gaps lose nothing.
//             The ends of a window are known only to a step q of the register: u^2 = 2 (q/sqrt 12)^2 for each
//             stretch of the window, and, where the meter refreshes it each T seconds, 2 (P T)^2 / 12. q is
//             what the type tells, what the register has been seen to count in (register_step.h), or what
//             power tells since it moved last, whichever is largest.
//             Where the register tells at once after a rest what has flowed, power tells the course; where it
//             never tells it, the growth over the rest is not known (register_agreement.h).
//             A device's sensor that looks at the load for a part of each period p misses the rest of it.
//             With s^2 the variance of the load and w the part, a period errs by p^2 s^2 (1 - w/p), and each
//             by itself. s^2 follows from the power readings: the integral errs by s^2 dt^2 an interval. A
//             load in step with the sensor errs by more, and neither counter nor power can tell.
//   integral  Trapezoids under the power readings. No step, but the power between readings is guessed. The
//             register corrects its length over the last hour, and tells how wrong it really is
//             (register_agreement.h). A window has at least the sampling error that is usual for its length
//             (usual_variance.h), at the age that power has (power_age.h).
//
// A window uses the estimate with the smaller uncertainty. It uses the counter if the two disagree by more
// than their uncertainty allows: then power is under-sampled. It uses the integral while the register stands
// still under power. If one estimate knows clearly less of the window, it uses the other.
//
// Totals come from the counter where there is one: after a gap they catch up, also over a restart of the
// agent. While the register stands still they follow power, and what the register catches up with later is
// not counted again.
//
// A device that repeats power for unusually long, while its register rests, has stopped measuring: what it shows is
// no reading.
//
// Energy is known between two readings that are no further apart than the staleness time of the source. The
// growth of a register over a longer gap is known, too, where the whole gap lies inside the window.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "agent/accounting/ahead_of_register.h"
#include "agent/accounting/counter.h"
#include "agent/accounting/power_age.h"
#include "agent/accounting/power_integral.h"
#include "agent/accounting/register_agreement.h"
#include "agent/accounting/register_step.h"
#include "agent/accounting/time_variance.h"
#include "agent/accounting/track.h"
#include "agent/accounting/usual_variance.h"

namespace flopwatt::accounting {

enum class EnergyEstimate : std::uint8_t { counter, integral };

/// Energy over covered spans with its independent errors, in J and J^2. Without the gain error (class).
struct EnergyPart {
  double joules = 0;
  double step_variance = 0;
  double time_variance = 0;
  double sampling_variance = 0;
  double disagreement = 0;     ///< half-width, by which power tells another energy than the register
  double unseen_variance = 0;  ///< of the load while the device's sensor does not look
  bool is_partly_unseen = false;

  [[nodiscard]] double variance() const {
    return step_variance + time_variance + sampling_variance + unseen_variance;
  }
};

/// Energy and power columns of a source.
struct EnergyShape {
  std::optional<Resolution> counter;  ///< in J; nullopt: no counter
  std::optional<Resolution> power;    ///< in W; nullopt: no power
  std::int64_t longest_gap_us = 0;
  double accuracy = 0;    ///< relative half-width by which power and register may differ (class)
  double unseen_s = 0;    ///< of each period of the device's sensor; 0: it sees all, or that is not known
  double interval_s = 0;  ///< from reading to reading
  double refresh_s = 0;   ///< greatest age of values, as configured; 0: not told
};

struct EnergyReading {
  std::int64_t time_us = 0;
  double joules = 0;         ///< the counter; `absent` where unknown
  double watts = 0;          ///< `absent` where unknown
  double time_variance = 0;  ///< of the time stamp, s^2, without the age of the values
};

/// Growth of totals by one reading, J.
struct EnergyGrowth {
  double joules = 0;
  double restored_joules = 0;  ///< the part of `joules` from before this run of the agent
};

/// What a later run of the agent continues from.
struct EnergyMemory {
  CounterReading last;      ///< of the register
  double likely_watts = 0;  ///< the highest recent power; 0: unknown
  double step = 0;          ///< of the register, learned; 0: unknown
  double ahead = 0;         ///< J that totals have counted by power, which the register may still tell
};

class EnergySeries {
 public:
  void set_shape(const EnergyShape& shape);
  /// Continues from an earlier run.
  void restore(const EnergyMemory& memory);
  /// The source is now another device.
  void begin_epoch();

  EnergyGrowth add(const EnergyReading& reading, const Retention& retention);

  /// Up to this time everything is decided: known, or a gap.
  [[nodiscard]] std::int64_t reached_us() const;
  [[nodiscard]] EnergyEstimate choose(TimeSpan window) const;
  void add_gaps(EnergyEstimate estimate, TimeSpan window, TimeSpans& gaps) const;
  /// The moment, or an earlier one, at which a window cuts no gap that the register bridges.
  [[nodiscard]] std::int64_t before_bridge(std::int64_t time_us) const {
    return has_counter() ? counted_.before_bridge(time_us) : time_us;
  }
  /// Whether there is a register.
  [[nodiscard]] bool has_counter() const { return shape_.counter && !counted_.empty(); }
  /// Changes where the register begins anew.
  [[nodiscard]] unsigned register_epoch() const { return epoch_; }
  [[nodiscard]] bool has_power() const { return shape_.power && !integrated_.empty(); }
  /// What the register has told up to a moment, J, from one point in time on. The course of the past is told once
  /// more when the register moves after a rest. Only with a register.
  [[nodiscard]] double counted_until(std::int64_t time_us) const { return counted_.at(time_us)[0]; }
  /// Lowest and highest power, W. Of a register alone, whose steps say nothing of power between them: from 0 to
  /// twice the mean over `covered`.
  [[nodiscard]] RateRange power_range(EnergyEstimate estimate, std::span<const TimeSpan> covered) const;
  [[nodiscard]] EnergyPart part(EnergyEstimate estimate, std::span<const TimeSpan> covered) const;

  [[nodiscard]] bool power_in_doubt() const { return integral_.in_doubt(); }
  [[nodiscard]] const std::optional<CounterReading>& last_counted() const { return counter_.last(); }
  [[nodiscard]] double likely_peak_watts() const { return likely_.peak(); }
  [[nodiscard]] double learned_step() const { return step_.learned(); }
  [[nodiscard]] double ahead() const { return ahead_.joules(); }
  [[nodiscard]] const RegisterAgreement& agreement() const { return agreement_; }

 private:
  EnergyGrowth add_energy(const EnergyReading& reading, const Retention& retention);
  EnergyGrowth count(const EnergyReading& reading, const Retention& retention);
  EnergyGrowth follow(const CounterStep& step, const Retention& retention);
  [[nodiscard]] bool is_near(const CounterStep& step) const;
  void observe_age(const EnergyReading& reading);
  [[nodiscard]] double register_age_s() const;
  void begin_register();
  [[nodiscard]] bool repeats_itself(const EnergyReading& reading) const;
  [[nodiscard]] bool is_dropout(const EnergyReading& reading) const;
  void learn(const CounterStep& step);
  double follow_power_while_still();
  double end_rest(double moved);
  void spread_over(TimeSpan rest);
  [[nodiscard]] double spread_variance(std::int64_t time_us) const;
  double bridge_fall(TimeSpan span);
  [[nodiscard]] EnergyPart counted_part(std::span<const TimeSpan> covered) const;
  [[nodiscard]] EnergyPart integrated_part(std::span<const TimeSpan> covered) const;
  double integrate(const EnergyReading& reading, const Retention& retention);
  [[nodiscard]] std::int64_t decided_us(const std::optional<std::int64_t>& last_us) const;

  EnergyShape shape_;
  Counter counter_;
  unsigned epoch_ = 0;
  RegisterStep step_;
  RegisterAgreement agreement_;
  AheadOfRegister ahead_;  // the total
  double bridged_ = 0;     // the part of it since the register moved last
  PowerIntegral integral_;
  PowerAge age_;
  double age_s_ = 0;  // of power
  UsualVariance usual_;
  LikelyPower likely_;
  Track<1> counted_;     // J
  Track<2> integrated_;  // J, and the variance J^2
  double last_watts_ = 0;
  TimeVariance time_variance_;
  std::int64_t newest_us_ = 0;
};

}  // namespace flopwatt::accounting
