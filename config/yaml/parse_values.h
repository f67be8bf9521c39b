// Values of the configuration: durations, sizes, numbers, names. Pure functions of text. A failure is a
// sentence that says what to write instead; it does not repeat the text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flopwatt {

using std::chrono::microseconds;

/// A value, or what to write instead.
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string advice;  ///< where there is no value

  static Parsed good(T value) { return {std::move(value), ""}; }
  static Parsed bad(std::string advice) { return {std::nullopt, std::move(advice)}; }
};

/// "250ms", "1s", "5m", "1h", "7d": a whole number and a unit.
[[nodiscard]] Parsed<microseconds> parse_duration(std::string_view text);

/// The duration in the largest unit that keeps it whole: 90s -> "90s", 120s -> "2m".
[[nodiscard]] std::string format_duration(microseconds duration);

/// "64KiB", "64MiB", "1GiB", "1TiB" in bytes.
[[nodiscard]] Parsed<std::uint64_t> parse_size(std::string_view text);

/// The size in the largest unit that keeps it whole.
[[nodiscard]] std::string format_size(std::uint64_t bytes);

/// A whole number, decimal or 0x hexadecimal. Leading zeros are refused: YAML readers disagree whether 010 is
/// 8 or 10.
[[nodiscard]] Parsed<std::int64_t> parse_integer(std::string_view text);

/// A finite decimal number.
[[nodiscard]] Parsed<double> parse_number(std::string_view text);

/// The shortest text that reads back as the same number.
[[nodiscard]] std::string format_number(double value);

/// `[A-Za-z0-9][A-Za-z0-9_-]*`, at most 128 characters.
[[nodiscard]] bool is_name(std::string_view text);
/// The same with dots: the node.
[[nodiscard]] bool is_node_name(std::string_view text);

}  // namespace flopwatt
