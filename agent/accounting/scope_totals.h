// The totals of one scope, which survive restarts. Two numbers of the scope's lists are saved with
// them. If a number differs, the totals that depend on it start at 0, without the growth of registers
// since the last run.
#pragma once

#include <array>
#include <string>

#include "agent/accounting/member.h"
#include "agent/accounting/scope_plan.h"
#include "readings/totals.h"

namespace flopwatt::accounting {

class ScopeTotals {
 public:
  ScopeTotals(const ScopePlan& plan, const Totals& restored);

  void add_energy(const EnergyGrowth& growth) { add(energy_, growth, carries_on_); }
  void add_device_energy(const EnergyGrowth& growth) { add(device_energy_, growth, devices_carry_on_); }
  void add_work(Method method, double flop) { grow(work_[static_cast<std::size_t>(method)], flop); }
  /// The method of the scope from now on; none: the last method stays.
  void set_method(Method method);

  [[nodiscard]] double energy() const { return energy_.value; }
  [[nodiscard]] double device_energy() const { return device_energy_.value; }
  [[nodiscard]] Method method() const { return static_cast<Method>(static_cast<int>(method_.value)); }
  /// Work by the current method, FLOP; `absent`: no method yet.
  [[nodiscard]] double work() const;

  void take_changed(Totals& totals);

 private:
  /// `taken`: the value that take_changed() gave out last.
  struct Total {
    std::string key;
    double value = 0;
    double taken = absent;
  };
  /// Ignores growth that would make the total infinite or NaN for ever.
  static void grow(Total& total, double growth);
  static void add(Total& total, const EnergyGrowth& growth, bool carries_on);

  bool carries_on_ = false, devices_carry_on_ = false;
  Total lists_, device_lists_, energy_, device_energy_, method_;
  std::array<Total, method_count> work_;  // by method; none has no key
};

}  // namespace flopwatt::accounting
