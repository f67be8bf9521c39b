#include "agent/accounting/scope_totals.h"

#include <algorithm>
#include <cmath>

namespace flopwatt::accounting {

ScopeTotals::ScopeTotals(const ScopePlan& plan, const Totals& restored) {
  const std::string prefix = "scope/" + plan.name + '/';
  const auto restored_or_zero = [&](const std::string& key) {
    const auto found = restored.find(key);
    return found != restored.end() && std::isfinite(found->second) ? std::max(0.0, found->second) : 0;
  };
  lists_ = {prefix + "lists", plan.lists, absent};
  device_lists_ = {prefix + "device_lists", plan.device_lists, absent};
  carries_on_ = restored_or_zero(lists_.key) == plan.lists;
  devices_carry_on_ = restored_or_zero(device_lists_.key) == plan.device_lists;
  const auto total = [&](const std::string& name, bool carries_on) {
    const std::string key = prefix + name;
    return Total{key, carries_on ? restored_or_zero(key) : 0, absent};
  };
  energy_ = total("energy_j", carries_on_);
  device_energy_ = total("device_energy_j", devices_carry_on_);
  for (const Method method : methods_best_first) {
    const std::string name(name_of(method));
    methods_[static_cast<std::size_t>(method)] = {total("work_" + name + "_flop", devices_carry_on_),
                                                  total("covered_" + name + "_j", go_on()),
                                                  total("covered_" + name + "_flop", go_on())};
  }
}

void ScopeTotals::grow(Total& total, double growth) {
  const double grown = total.value + growth;
  if (std::isfinite(grown)) total.value = grown;
}

void ScopeTotals::add(Total& total, const EnergyGrowth& growth, bool carries_on) {
  grow(total, growth.joules - (carries_on ? 0 : growth.restored_joules));
}

void ScopeTotals::add_covered(Method method, double joules, double flop) {
  OfMethod& totals = methods_[static_cast<std::size_t>(method)];
  grow(totals.covered_energy, joules);
  grow(totals.covered_work, flop);
}

void ScopeTotals::take_changed(Totals& totals) {
  const auto take = [&](Total& total) {
    if (total.key.empty() || total.value == total.taken) return;
    totals[total.key] = total.taken = total.value;
  };
  for (Total* total : {&lists_, &device_lists_, &energy_, &device_energy_}) take(*total);
  for (OfMethod& one : methods_)
    for (Total* total : {&one.work, &one.covered_energy, &one.covered_work}) take(*total);
}

}  // namespace flopwatt::accounting
