// Whether the meters of a scope read at least what the devices behind them tell of themselves. If not, a meter
// does not see all of them: a transformer is turned or around one of two cables, a feed is missing from the
// scope, or a device of another rack is in it.
//
// Over the newest five minutes, or the longest window if that is shorter, with M and D the sums of meters and
// devices over the time in which all are known:
//
//   D - M > sum (class + CT) M_i + sum (accuracy of sensor) D_i + 3 sqrt(V_M + V_D)
//
// with V the variances of steps, times and sampling. Told once that has been so for 90 seconds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "agent/accounting/member.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// Both over the same time.
struct BalanceSums {
  double meters = 0, devices = 0;  ///< J
  double allowed = 0;              ///< by which devices may be above meters, J
  double seconds = 0;
};

/// nullopt: too little of `window` is known. Devices that are known for less than half of it are left out.
[[nodiscard]] std::optional<BalanceSums> balance_over(TimeSpan window, std::span<const Member* const> meters,
                                                      std::span<const Member* const> devices);

class ScopeBalance {
 public:
  /// After each batch. A null meter is a source without a set so far. `longest_us`: what the members remember.
  void follow(std::span<const Member* const> meters, std::span<const Member* const> devices,
              std::int64_t now_us, std::int64_t longest_us);

  /// Set while the meters read less.
  [[nodiscard]] const std::optional<BalanceFigures>& told() const { return told_; }

 private:
  std::int64_t looked_us_ = 0;
  std::optional<std::int64_t> short_since_us_;
  std::optional<BalanceFigures> told_;
};

}  // namespace flopwatt::accounting
