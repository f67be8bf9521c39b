// Counter hygiene: from the readings of a cumulative register to growth that can be added up. One component
// for every source: meter registers, accelerators' energy counters, work counters.
//
// Healthy links deliver a 0, an 0xFFFFFFFF or one wild value now and then, and counters wrap, are reset,
// replaced and reloaded. The rules: a counter may only grow; it grows by at most twice what the highest
// likely rate allows; what breaks a rule is in doubt until the next two readings follow on from it. If they
// follow on from the old value instead, it was a glitch and nothing is lost. If they confirm it, it is
//   a load step, where their own rate explains the jump: the growth counts;
//   a wrap, where the old value was within 0.1 % of a known modulus (the integer's range, or the display's
//     power of ten) and the growth over the wrap is likely: the growth counts;
//   else a reset or a replacement: a new epoch, and what was between is not known.
// Growth is never negative and never larger than 2 x rate x time + 2 steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/accounting/resolution.h"

namespace flopwatt::accounting {

/// One reading. `beside` are columns that count together with `value` and share its fate (bounds of the
/// work).
struct CounterReading {
  std::int64_t time_us = 0;  ///< monotonic
  double value = 0;
  std::array<double, 3> beside{};
};

/// From `since_us` to `time_us`.
struct CounterStep {
  std::int64_t since_us = 0;
  std::int64_t time_us = 0;
  bool known = false;     ///< false: a new epoch begins at time_us, growth is 0
  bool restored = false;  ///< since_us lies in an earlier run of the agent
  double growth = 0;
  std::array<double, 3> beside{};
};

/// Growth per second that is believed at once, and that is possible at all (confirmed readings obey this
/// one).
struct CounterBounds {
  double likely_rate = 0;
  double possible_rate = 0;
};

class Counter {
 public:
  /// How finely it is told from now on. It may change while the counter goes on (a scale factor that the
  /// device raises as its register fills): what was read before stays rounded to its own step.
  void set_resolution(const Resolution& resolution);

  /// Carries on from the last reading of an earlier run.
  void restore(const CounterReading& last);

  /// What comes next counts from its own start: another device, or continuity that the driver says is broken.
  void begin_epoch();

  /// The steps that this reading made certain, none while it is in doubt, up to three; valid until the next
  /// call. A value that is not finite or negative is no reading. Times ascend; others are ignored.
  [[nodiscard]] std::span<const CounterStep> add(const CounterReading& reading, const CounterBounds& bounds);

  /// The newest reading that is certain; nullopt before the first.
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
  double step_before_ = 0;  // to which readings are rounded that were told more coarsely; 0: none is
  std::optional<CounterReading> last_;
  bool restored_ = false;                     // last_ is of an earlier run
  std::int64_t ended_us_ = 0;                 // where the epoch before ended
  std::array<CounterReading, 3> suspects_{};  // each follows on from the one before
  std::size_t suspect_count_ = 0;
  std::array<CounterStep, 3> steps_{};
  std::size_t step_count_ = 0;
};

}  // namespace flopwatt::accounting
