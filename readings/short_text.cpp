#include "readings/short_text.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace flopwatt {

std::string three_digits(double value) {
  std::array<char, 32> text{};
  // %g writes 1000 with an exponent at three digits.
  const bool is_thousands = std::abs(value) >= 999.5 && std::abs(value) < 99'950;
  const int length = is_thousands ? std::snprintf(text.data(), text.size(), "%.0f", value)
                                  : std::snprintf(text.data(), text.size(), "%.3g", value);
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string with_unit(double value, std::string_view unit) {
  constexpr std::array<std::string_view, 6> prefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < prefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return three_digits(value) + ' ' + std::string(prefixes.at(prefix)) + std::string(unit);
}

}  // namespace flopwatt
