// Suggestions for misspelt words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace flopwatt {

/// The candidate that differs from `word` by the fewest letters (Damerau-Levenshtein, case ignored). "": all
/// differ by more than a third of their letters, or by more than 3.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> candidates);

/// "; did you mean 'x'?" or, without a near one, "; write one of a, b, c".
[[nodiscard]] std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

/// "a, b or c"
[[nodiscard]] std::string list_words(std::span<const std::string_view> words);

}  // namespace flopwatt
