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
  void add_work(Method method, double flop) { grow(methods_[static_cast<std::size_t>(method)].work, flop); }
  /// Energy and work of a time in which both are known.
  void add_covered(Method method, double joules, double flop);

  [[nodiscard]] double energy() const { return energy_.value; }
  [[nodiscard]] double device_energy() const { return device_energy_.value; }
  /// FLOP.
  [[nodiscard]] double work(Method method) const { return of(method).work.value; }
  [[nodiscard]] double covered_energy(Method method) const { return of(method).covered_energy.value; }
  [[nodiscard]] double covered_work(Method method) const { return of(method).covered_work.value; }
  /// Totals of an earlier run go on.
  [[nodiscard]] bool go_on() const { return carries_on_ && devices_carry_on_; }

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

  struct OfMethod {
    Total work, covered_energy, covered_work;
  };
  [[nodiscard]] const OfMethod& of(Method method) const { return methods_[static_cast<std::size_t>(method)]; }

  bool carries_on_ = false, devices_carry_on_ = false;
  Total lists_, device_lists_, energy_, device_energy_;
  std::array<OfMethod, method_count> methods_;  // that of no method has no keys
};

}  // namespace flopwatt::accounting
