// Numbers, times and strings as all text outputs write them. The functions append, so that a whole page or
// message grows in one string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace flopwatt {

/// The shortest decimal text that reads back as the same double. Whole numbers below 1e15 have no exponent
/// and no point. `value` must be finite.
void append_number(std::string& out, double value);

/// The same, always with an exponent: "1.5e+18".
void append_with_exponent(std::string& out, double value);

void append_integer(std::string& out, std::uint64_t value);

/// "2026-11-23T12:44:01.250Z": UTC, milliseconds, rounded down.
void append_time(std::string& out, std::int64_t wall_us);

/// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD. Names and serial numbers come
/// from devices, and one wrong byte would make a whole page or message unreadable.
[[nodiscard]] std::string valid_utf8(std::string_view text);

/// The same without control characters (C0, DEL, C1): a line end or tab becomes a space, the others go. For
/// what devices and their libraries say, where it enters: escape sequences belong into no label or terminal.
[[nodiscard]] std::string plain_utf8(std::string_view text);

}  // namespace flopwatt
