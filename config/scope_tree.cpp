#include "config/scope_tree.h"

#include <map>
#include <string_view>

namespace flopwatt {

ScopeTree::ScopeTree(std::span<const ScopeConfig> scopes) : parents_(scopes.size()), inside_(scopes.size()) {
  std::map<std::string_view, std::size_t> by_name;
  for (std::size_t i = 0; i < scopes.size(); ++i) by_name.try_emplace(scopes[i].name, i);
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    for (const std::string& name : scopes[i].contains) {
      const auto inner = by_name.find(name);
      if (inner == by_name.end()) continue;
      parents_[inner->second] = i;
      inside_[i].push_back(inner->second);
    }
  }
}

bool ScopeTree::lies_inside(std::size_t inner, std::size_t outer) const {
  for (auto around = parents_[inner]; around; around = parents_[*around])
    if (*around == outer) return true;
  return false;
}

std::vector<std::size_t> ScopeTree::outwards(std::size_t scope) const {
  std::vector<std::size_t> chain{scope};
  while (const auto around = parents_[chain.back()]) chain.push_back(*around);
  return chain;
}

std::vector<std::size_t> ScopeTree::with_all_inside(std::size_t scope) const {
  std::vector<std::size_t> all{scope};
  for (std::size_t i = 0; i < all.size(); ++i)
    all.insert(all.end(), inside_[all[i]].begin(), inside_[all[i]].end());
  return all;
}

}  // namespace flopwatt
