// Counter hygiene: from the readings of a cumulative register to growth that can be added up. The same
// component serves all sources: meter registers, energy counters of accelerators, work counters.
//
// Even healthy links deliver a 0, an 0xFFFFFFFF or a wild value now and then, and counters wrap, are reset,
// replaced and reloaded. A counter may only grow, by at most twice what the highest likely rate allows, or
// twice what another measurement tells since the counter last moved: a register of coarse steps stands still
// for minutes and then jumps by all of them. A reading that breaks this rule is in doubt until two more
// readings have come. If these follow on from the old value, the doubtful reading was a glitch, and nothing is
// lost. If they follow on from the doubtful reading, it is one of these:
//
//   growth      it rose, by no more than is possible since the counter last moved: the growth counts.
//   wrap        it fell, the old value was within 0.1 % of a known modulus (the range of the integer, or a
//               power of ten of the display), and the growth over the wrap is likely: the growth counts.
//   reset       it fell, or rose by more than is possible: a new epoch begins, and the growth in between is
//               unknown.
//
// A counter that must grow (an energy register under power) and stands still where it fell to has not begun
// anew: some tell 0 for seconds and return. It stays in doubt until it grows.
//
// Some registers dip by a few steps for a while, and go on growing meanwhile. Within ten minutes of such a fall a jump
// is the register's return, where its growth since before the fall is nearer to what another measurement tells than
// the jump is: then only that growth counts.
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

/// Bounds of growth.
struct CounterBounds {
  double likely_rate = 0;    ///< a second; believed at once
  double possible_rate = 0;  ///< a second; believed when confirmed
  double expected = 0;       ///< since the value last moved, as another measurement tells it
  bool must_grow = false;    ///< it cannot stand still for long
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

  /// The newest growth began with a fall that did not show: another measurement tells `lost` more than the counter.
  void fell_unseen(const CounterReading& before, double growth, double lost) {
    before_fall_ = before;
    since_fall_ = growth + lost;
  }
  /// Whether the newest step is a fall from the reading before, of the same device.
  [[nodiscard]] bool fell(const CounterStep& step) const {
    return before_fall_ && before_fall_->time_us == step.since_us && !step.known;
  }
  /// Another measurement tells the growth over the newest fall.
  void bridge_fall(double growth) { since_fall_ += growth; }

  /// The newest certain reading; nullopt: none yet.
  [[nodiscard]] const std::optional<CounterReading>& last() const { return last_; }
  /// Time of the reading at which the value last moved, or the first of the epoch.
  [[nodiscard]] std::int64_t moved_us() const { return moved_us_; }
  [[nodiscard]] const Resolution& resolution() const { return resolution_; }
  /// The counter really counts in steps of that size, where they are coarser than those of its type.
  void learn_step(double step) { resolution_.learned = step; }

 private:
  [[nodiscard]] double step_at(double value) const;
  [[nodiscard]] bool follows(const CounterReading& from, const CounterReading& to, double rate) const;
  [[nodiscard]] bool follows_last(const CounterReading& to, const CounterBounds& bounds) const;
  [[nodiscard]] bool is_possible_growth(const CounterReading& to, const CounterBounds& bounds) const;
  [[nodiscard]] std::optional<double> growth_over_wrap(const CounterReading& first, double rate) const;
  [[nodiscard]] std::optional<double> growth_of_return(const CounterReading& to,
                                                       const CounterBounds& bounds) const;
  void accept(const CounterReading& reading);
  void accept_grown(const CounterReading& reading, double growth);
  void accept_epoch(const CounterReading& reading);
  void begin_at(const CounterReading& reading);
  void adopt_suspects(const CounterBounds& bounds);

  Resolution resolution_;
  double step_before_ = 0;  // step of earlier readings that were coarser; 0: none were
  std::optional<CounterReading> last_;
  bool restored_ = false;  // last_ is of an earlier run
  std::int64_t moved_us_ = 0;
  std::int64_t ended_us_ = 0;                  // where the epoch before ended
  std::optional<CounterReading> before_fall_;  // the last reading before the newest fall
  double since_fall_ = 0;                      // growth, and what was told of that over the fall
  std::array<CounterReading, 3> suspects_{};   // each follows on from the one before
  std::size_t suspect_count_ = 0;
  std::array<CounterStep, 3> steps_{};
  std::size_t step_count_ = 0;
};

}  // namespace flopwatt::accounting
