// The scope to which an accelerator belongs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "config/config.h"

namespace flopwatt::accounting {

/// Index of the scope to which that accelerator belongs: the innermost whose names or globs
/// (fnmatch(3)) match, else the scope with `all`. The accelerator counts there and in all scopes
/// around. nullopt: no scope has it.
[[nodiscard]] std::optional<std::size_t> scope_of_accelerator(std::span<const ScopeConfig> scopes,
                                                              const std::string& name);

}  // namespace flopwatt::accounting
