#include "agent/accounting/work_lists.h"

#include <algorithm>

#include "config/glob.h"
#include "config/scope_tree.h"

namespace flopwatt::accounting {

std::optional<std::size_t> scope_of_accelerator(std::span<const ScopeConfig> scopes,
                                                const std::string& name) {
  const ScopeTree tree(scopes);
  std::optional<std::size_t> innermost;
  std::optional<std::size_t> rest;
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (scopes[i].work == ScopeConfig::Work::all && !rest) rest = i;
    if (scopes[i].work != ScopeConfig::Work::listed) continue;
    const bool is_named = std::ranges::any_of(
        scopes[i].work_patterns, [&](const std::string& pattern) { return matches_glob(pattern, name); });
    if (is_named && (!innermost || tree.lies_inside(i, *innermost))) innermost = i;
  }
  return innermost ? innermost : rest;
}

}  // namespace flopwatt::accounting
