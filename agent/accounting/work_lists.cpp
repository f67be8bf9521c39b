#include "agent/accounting/work_lists.h"

#include <algorithm>
#include <vector>

#include "agent/accounting/member.h"
#include "config/glob.h"

namespace flopwatt::accounting {
namespace {

void append_sorted(std::string& text, std::vector<std::string> names) {
  std::ranges::sort(names);
  for (const std::string& name : names) text += name + '\n';
}

}  // namespace

std::optional<std::size_t> scope_of_accelerator(std::span<const ScopeConfig> scopes,
                                                const std::string& name) {
  std::optional<std::size_t> rest;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (scopes[i].work == ScopeConfig::Work::all && !rest) rest = i;
    if (scopes[i].work != ScopeConfig::Work::listed) continue;
    const bool is_named = std::ranges::any_of(
        scopes[i].work_patterns, [&](const std::string& pattern) { return matches_glob(pattern, name); });
    if (is_named) return i;
  }
  return rest;
}

double lists_number(std::span<const ScopeConfig> scopes, std::size_t index) {
  const ScopeConfig& scope = scopes[index];
  std::string text = "energy\n";
  std::vector<std::string> energy;
  for (const EnergyEntry& entry : scope.energy) energy.push_back(entry.text());
  append_sorted(text, energy);
  if (scope.work == ScopeConfig::Work::listed) {
    text += "work\n";
    append_sorted(text, scope.work_patterns);
  } else if (scope.work == ScopeConfig::Work::all) {
    text += "work all but\n";
    std::vector<std::string> named;
    for (const ScopeConfig& other : scopes)
      if (other.work == ScopeConfig::Work::listed)
        named.insert(named.end(), other.work_patterns.begin(), other.work_patterns.end());
    append_sorted(text, named);
  }
  return text_number(text);
}

}  // namespace flopwatt::accounting
