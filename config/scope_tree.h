// The scopes of a configuration as a tree: who lies inside whom.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "config/config.h"

namespace flopwatt {

/// Scopes are named by their index. A copy: the configuration need not outlive it.
class ScopeTree {
 public:
  /// `contains` of the scopes must make a tree, as reading the configuration has checked.
  explicit ScopeTree(std::span<const ScopeConfig> scopes);

  /// The scope around it; nullopt: it is at the top.
  [[nodiscard]] std::optional<std::size_t> parent(std::size_t scope) const { return parents_[scope]; }
  /// The scopes directly inside, as written.
  [[nodiscard]] const std::vector<std::size_t>& inside(std::size_t scope) const { return inside_[scope]; }
  /// Whether `inner` lies inside `outer`, at any depth. No scope lies inside itself.
  [[nodiscard]] bool lies_inside(std::size_t inner, std::size_t outer) const;
  /// The scope itself, then what is around it, outwards.
  [[nodiscard]] std::vector<std::size_t> outwards(std::size_t scope) const;
  /// The scope itself, then everything inside at any depth.
  [[nodiscard]] std::vector<std::size_t> with_all_inside(std::size_t scope) const;

 private:
  std::vector<std::optional<std::size_t>> parents_;
  std::vector<std::vector<std::size_t>> inside_;
};

}  // namespace flopwatt
