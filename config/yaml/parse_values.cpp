#include "config/yaml/parse_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace flopwatt {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr auto duration_units = std::to_array<Unit>(
    {{"ms", 1'000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}, {"d", 86'400'000'000}});
constexpr auto size_units = std::to_array<Unit>({{"KiB", std::uint64_t{1} << 10},
                                                 {"MiB", std::uint64_t{1} << 20},
                                                 {"GiB", std::uint64_t{1} << 30},
                                                 {"TiB", std::uint64_t{1} << 40}});

constexpr std::string_view duration_advice = "write a whole number and a unit, as in 250ms, 1s, 5m, 1h, 7d";
constexpr std::string_view size_advice = "write a whole number and a unit, as in 512KiB, 64MiB, 1GiB";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// <whole number><unit>; at most 10^12 of anything, so that no product overflows.
std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto unit = std::ranges::find(units, name, &Unit::name);
  if (unit == units.end() || number > UINT64_MAX / 4 / unit->factor) return std::nullopt;
  return number * unit->factor;
}

std::string format_with_unit(std::uint64_t value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units)
    if (value % unit.factor == 0) best = &unit;
  return std::to_string(value / best->factor) + std::string(best->name);
}

bool is_name_of(std::string_view text, std::string_view also) {
  constexpr std::size_t max_name = 128;
  if (text.empty() || text.size() > max_name || !is_letter_or_digit(text.front())) return false;
  return std::ranges::all_of(text,
                             [also](char c) { return is_letter_or_digit(c) || also.find(c) != also.npos; });
}

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); });
}

}  // namespace

Parsed<microseconds> parse_duration(std::string_view text) {
  if (const auto value = parse_with_unit(text, duration_units))
    return Parsed<microseconds>::good(microseconds(static_cast<std::int64_t>(*value)));
  if (!text.empty() && text.size() < 10 && std::ranges::all_of(text, is_digit))
    return Parsed<microseconds>::bad("a duration needs a unit: write " + std::string(text) +
                                     "s, or ms, m, h, d");
  return Parsed<microseconds>::bad(std::string(duration_advice));
}

std::string format_duration(microseconds duration) {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  return count == 0 ? "0s" : format_with_unit(count, duration_units);
}

Parsed<std::uint64_t> parse_size(std::string_view text) {
  if (const auto value = parse_with_unit(text, size_units)) return Parsed<std::uint64_t>::good(*value);
  return Parsed<std::uint64_t>::bad(std::string(size_advice));
}

std::string format_size(std::uint64_t bytes) { return format_with_unit(bytes, size_units); }

Parsed<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size() && is_hex(digits);
  if (!whole) return Parsed<std::int64_t>::bad("write a whole number");
  if (!hex && digits.size() > 1 && digits.front() == '0')
    return Parsed<std::int64_t>::bad("write it without leading zeros");
  return Parsed<std::int64_t>::good(negative ? -value : value);
}

Parsed<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return Parsed<double>::bad("write a number, with a point for decimals");
  return Parsed<double>::good(value);
}

std::string format_number(double value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), error == std::errc{} ? end : buffer.data()};
}

bool is_name(std::string_view text) { return is_name_of(text, "_-"); }

bool is_node_name(std::string_view text) { return is_name_of(text, "_-."); }

}  // namespace flopwatt
