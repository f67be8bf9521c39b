// Globs as in a shell: `*`, `?` and `[...]`. A glob matches whole names, case-sensitive.
#pragma once

#include <string>
#include <string_view>

namespace flopwatt {

[[nodiscard]] bool is_glob(std::string_view pattern);
[[nodiscard]] bool matches_glob(const std::string& pattern, const std::string& text);

}  // namespace flopwatt
