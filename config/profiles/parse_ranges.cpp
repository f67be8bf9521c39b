#include "config/profiles/parse_ranges.h"

#include <string>

namespace flopwatt {

Parsed<AddressRange> parse_range(std::string_view text) {
  constexpr std::int64_t highest = 65535;
  const std::size_t hyphen = text.find('-');
  const Parsed<std::int64_t> first = parse_integer(text.substr(0, hyphen));
  const Parsed<std::int64_t> last =
      hyphen == std::string_view::npos ? first : parse_integer(text.substr(hyphen + 1));
  if (!first.value || !last.value)
    return Parsed<AddressRange>::bad("write a whole number, or a range as in 1-42");
  if (*first.value > *last.value) return Parsed<AddressRange>::bad("write the smaller number first");
  if (*first.value < 0 || *last.value > highest)
    return Parsed<AddressRange>::bad("write numbers from 0 to " + std::to_string(highest));
  return Parsed<AddressRange>::good(
      {static_cast<std::uint16_t>(*first.value), static_cast<std::uint16_t>(*last.value)});
}

}  // namespace flopwatt
