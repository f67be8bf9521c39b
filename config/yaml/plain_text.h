// Checks that bytes are text, which can be shown and published unchanged.
#pragma once

#include <cstddef>
#include <string_view>

namespace flopwatt {

/// Length of the UTF-8 character at the front of `text`, which is not empty; 0: none (a stray or missing
/// byte, an overlong form, a surrogate, beyond U+10FFFF; RFC 3629, section 4).
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// Offset of the first byte that is not UTF-8, or is a control character other than tab, line feed and
/// carriage return. npos: all is text.
[[nodiscard]] std::size_t find_non_text(std::string_view text);

}  // namespace flopwatt
