#include "agent/accounting/scope_plan.h"

#include <algorithm>
#include <utility>

#include "agent/accounting/member.h"
#include "config/scope_tree.h"

namespace flopwatt::accounting {
namespace {

using Work = ScopeConfig::Work;

void append_sorted(std::string& text, std::string_view title, std::vector<std::string> names) {
  std::ranges::sort(names);
  text += title;
  for (const std::string& name : names) text += '\n' + name;
  text += "\n\n";
}

void append_energy(std::string& text, const std::vector<EnergyEntry>& entries) {
  std::vector<std::string> names;
  names.reserve(entries.size());
  for (const EnergyEntry& entry : entries) names.push_back(entry.text());
  append_sorted(text, "energy", std::move(names));
}

std::string own_lists(const ScopeConfig& scope) {
  std::string text;
  append_energy(text, scope.energy);
  append_sorted(text, scope.work == Work::all ? "work all" : "work", scope.work_patterns);
  append_sorted(text, "contains", scope.contains);
  return text;
}

// Which accelerators count in the scope: what is named inside, or, with `all` in there, all but
// what is named outside.
std::string device_lists(std::span<const ScopeConfig> scopes, const std::vector<std::size_t>& inside) {
  const bool has_rest =
      std::ranges::any_of(inside, [&](std::size_t i) { return scopes[i].work == Work::all; });
  std::vector<std::string> named;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const bool is_inside = std::ranges::find(inside, i) != inside.end();
    if (is_inside == has_rest) continue;
    named.insert(named.end(), scopes[i].work_patterns.begin(), scopes[i].work_patterns.end());
  }
  std::string text;
  append_sorted(text, has_rest ? "all but" : "devices", std::move(named));
  return text;
}

// The scopes directly inside have their energy already.
std::vector<EnergyEntry> energy_inside(const std::vector<ScopePlan>& plans,
                                       const std::vector<std::size_t>& directly_inside) {
  std::vector<EnergyEntry> sum;
  for (const std::size_t i : directly_inside) {
    if (plans[i].energy.empty()) return {};
    sum.insert(sum.end(), plans[i].energy.begin(), plans[i].energy.end());
  }
  return sum;
}

}  // namespace

std::vector<ScopePlan> plan_scopes(std::span<const ScopeConfig> scopes) {
  const ScopeTree tree(scopes);
  std::vector<ScopePlan> plans(scopes.size());
  std::vector<std::size_t> inwards;  // every scope after the one around it
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    plans[i].name = scopes[i].name;
    plans[i].inside = tree.with_all_inside(i);
    if (const auto parent = tree.parent(i))
      plans[i].parent = scopes[*parent].name;
    else
      inwards.insert(inwards.end(), plans[i].inside.begin(), plans[i].inside.end());
  }
  for (auto at = inwards.rbegin(); at != inwards.rend(); ++at) {
    ScopePlan& plan = plans[*at];
    const ScopeConfig& scope = scopes[*at];
    std::vector<EnergyEntry> inner = energy_inside(plans, tree.inside(*at));
    if (!scope.energy.empty()) {
      plan.energy = scope.energy;
      plan.inner_energy = std::move(inner);
    } else if (scope.work == Work::none) {
      plan.energy = std::move(inner);
    }
    const std::string own = own_lists(scope);
    const std::string devices = device_lists(scopes, plan.inside);
    std::string energy;
    append_energy(energy, plan.energy);
    plan.lists = text_number(own + (plan.energy.empty() ? devices : energy));
    plan.device_lists = text_number(own + devices);
  }
  return plans;
}

}  // namespace flopwatt::accounting
