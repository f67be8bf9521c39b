// Counter hygiene: from the readings of a cumulative register to growth that can be added up. The same
// component serves all sources: meter registers, energy counters of accelerators, work counters.
//
// Even healthy links deliver a 0, an 0xFFFFFFFF or a wild value now and then, and counters wrap, are reset,
// replaced and reloaded. A counter may only grow, by at most twice what the highest likely rate allows. A
// reading that breaks this rule is in doubt until two more readings have come. If these follow on from the
// old value, the doubtful reading was a glitch, and nothing is lost. If they follow on from the doubtful
// reading, it is one of these:
//
//   load step   their own rate explains the jump: the growth counts.
//   wrap        the old value was within 0.1 % of a known modulus (the range of the integer, or a power of
//               ten of the display), and the growth over the wrap is likely: the growth counts.
//   reset       anything else, also a replacement: a new epoch begins, and the growth in between is unknown.
//
// Growth is never negative and never larger than 2 x rate x time + 2 steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/accounting/resolution.h"

namespace flopwatt::accounting {

/// One reading. `beside` are columns that count together with `value`, as the bounds of work do: all are
/// accepted or none.
struct CounterReading {
  std::int64_t time_us = 0;  ///< monotonic
  double value = 0;
  std::array<double, 3> beside{};
};

/// Growth from `since_us` to `time_us`.
struct CounterStep {
  std::int64_t since_us = 0;
  std::int64_t time_us = 0;
  bool known = false;     ///< false: a new epoch begins at time_us, growth is 0
  bool restored = false;  ///< since_us lies in an earlier run of the agent
  double growth = 0;
  std::array<double, 3> beside{};
};

/// Bounds of growth per second.
struct CounterBounds {
  double likely_rate = 0;    ///< believed at once
  double possible_rate = 0;  ///< believed when confirmed
};

class Counter {
 public:
  /// The resolution from now on. It may change while the counter goes on, when a device raises a scale factor
  /// as its register fills. Earlier readings stay rounded to their own step.
  void set_resolution(const Resolution& resolution);

  /// Continues from the last reading of an earlier run.
  void restore(const CounterReading& last);

  /// The next reading starts a new epoch: the device is another one, or the driver reports broken continuity.
  void begin_epoch();

  /// The steps that this reading makes certain: none while it is in doubt, at most three. Valid until the
  /// next call. Ignores a reading whose value is negative or not finite, or whose time does not ascend.
  [[nodiscard]] std::span<const CounterStep> add(const CounterReading& reading, const CounterBounds& bounds);

  /// The newest certain reading; nullopt: none yet.
  [[nodiscard]] const std::optional<CounterReading>& last() const { return last_; }
  [[nodiscard]] const Resolution& resolution() const { return resolution_; }

 private:
  [[nodiscard]] double step_at(double value) const;
  [[nodiscard]] bool follows(const CounterReading& from, const CounterReading& to, double rate) const;
  [[nodiscard]] std::optional<double> growth_over_wrap(const CounterReading& first, double rate) const;
  void accept(const CounterReading& reading);
  void accept_grown(const CounterReading& reading, double growth);
  void accept_epoch(const CounterReading& reading);
  void begin_at(const CounterReading& reading);
  void adopt_suspects(const CounterBounds& bounds);

  Resolution resolution_;
  double step_before_ = 0;  // step of earlier readings that were coarser; 0: none were
  std::optional<CounterReading> last_;
  bool restored_ = false;                     // last_ is of an earlier run
  std::int64_t ended_us_ = 0;                 // where the epoch before ended
  std::array<CounterReading, 3> suspects_{};  // each follows on from the one before
  std::size_t suspect_count_ = 0;
  std::array<CounterStep, 3> steps_{};
  std::size_t step_count_ = 0;
};

}  // namespace flopwatt::accounting
