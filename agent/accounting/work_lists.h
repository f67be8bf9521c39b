// Which accelerator's work counts in which scope.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "config/config.h"

namespace flopwatt::accounting {

/// Index of the scope that counts the work of that accelerator: the first whose names or globs (fnmatch(3))
/// match, else the one with `all`. nullopt: no scope wants it.
[[nodiscard]] std::optional<std::size_t> scope_of_accelerator(std::span<const ScopeConfig> scopes,
                                                              const std::string& name);

/// A number that changes when the lists of scopes[index] change, their order aside. For `all` it takes in
/// what the other scopes name, since that is what `all` leaves out.
[[nodiscard]] double lists_number(std::span<const ScopeConfig> scopes, std::size_t index);

}  // namespace flopwatt::accounting
