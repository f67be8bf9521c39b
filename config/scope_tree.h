// The scopes of a configuration as a tree.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "config/config.h"

namespace flopwatt {

/// Scopes are named by their index. A ScopeTree is a copy: the configuration need not outlive it.
class ScopeTree {
 public:
  /// `contains` of the scopes must form a tree; load_config() checks it.
  explicit ScopeTree(std::span<const ScopeConfig> scopes);

  /// The scope around `scope`; nullopt: it is at the top.
  [[nodiscard]] std::optional<std::size_t> parent(std::size_t scope) const { return parents_[scope]; }
  /// The scopes directly inside, as written.
  [[nodiscard]] const std::vector<std::size_t>& inside(std::size_t scope) const { return inside_[scope]; }
  /// Whether `inner` lies inside `outer`, at any depth. No scope lies inside itself.
  [[nodiscard]] bool lies_inside(std::size_t inner, std::size_t outer) const;
  /// The scope itself, then the scopes around it, outwards.
  [[nodiscard]] std::vector<std::size_t> outwards(std::size_t scope) const;
  /// The scope itself, then all scopes inside, at any depth.
  [[nodiscard]] std::vector<std::size_t> with_all_inside(std::size_t scope) const;

 private:
  std::vector<std::optional<std::size_t>> parents_;
  std::vector<std::vector<std::size_t>> inside_;
};

}  // namespace flopwatt
