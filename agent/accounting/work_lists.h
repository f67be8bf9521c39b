// Which accelerator's work counts in which scope.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "config/config.h"

namespace flopwatt::accounting {

/// Index of the scope to which that accelerator belongs: the innermost whose names or globs (fnmatch(3))
/// match, else the one with `all`. It counts there and in all scopes around. nullopt: no scope wants it.
[[nodiscard]] std::optional<std::size_t> scope_of_accelerator(std::span<const ScopeConfig> scopes,
                                                              const std::string& name);

}  // namespace flopwatt::accounting
