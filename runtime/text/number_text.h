// Numbers, times and strings as every text output writes them. The functions append, so that a whole page or
// message grows in one string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flopwatt {

/// Shortest decimal text that reads back to the same double; whole numbers below 1e15 without exponent or
/// point. `value` must be finite.
void append_number(std::string& out, double value);

/// The same, always with an exponent: "1.5e+18".
void append_with_exponent(std::string& out, double value);

void append_integer(std::string& out, std::uint64_t value);

/// "2026-11-23T12:44:01.250Z": UTC, milliseconds, rounded down.
void append_time(std::string& out, std::int64_t wall_us);

/// A JSON string with its quotes. What is not UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD: names and serial numbers come
/// from devices, and one wrong byte would make a whole page or message unreadable.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace flopwatt
