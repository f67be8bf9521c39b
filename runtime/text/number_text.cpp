#include "runtime/text/number_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace flopwatt {
namespace {

// The longest shortest double is 24 characters: -2.2250738585072014e-308.
using Digits = std::array<char, 32>;

template <class... Arguments>
void append_chars(std::string& out, Arguments... arguments) {
  Digits digits;  // NOLINT(cppcoreguidelines-init-variables): to_chars writes what is read
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), arguments...).ptr;
  out.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_padded(std::string& out, std::uint64_t value, unsigned width) {
  std::array<char, 20> digits{};
  for (unsigned i = width; i > 0; --i, value /= 10) digits[i - 1] = static_cast<char>('0' + value % 10);
  out.append(digits.data(), width);
}

// Length of the valid UTF-8 sequence at the start of `text`, 0 where there is none (Unicode 15, table 3-7).
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  // Some first bytes narrow the second: no overlong form, no surrogate, nothing above U+10FFFF.
  const unsigned char lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (first < 0xC2 || first > 0xF4 || byte(1) < lowest || byte(1) > highest) return 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  return length;
}

}  // namespace

void append_number(std::string& out, double value) {
  constexpr double whole_limit = 1e15;
  if (std::abs(value) < whole_limit && std::trunc(value) == value)
    append_chars(out, static_cast<std::int64_t>(value));
  else
    append_chars(out, value);
}

void append_with_exponent(std::string& out, double value) {
  append_chars(out, value, std::chars_format::scientific);
}

void append_integer(std::string& out, std::uint64_t value) { append_chars(out, value); }

void append_time(std::string& out, std::int64_t wall_us) {
  using namespace std::chrono;
  const sys_time<milliseconds> time = floor<milliseconds>(sys_time<microseconds>(microseconds(wall_us)));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  append_padded(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, static_cast<std::uint64_t>(clock.hours().count()), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(clock.minutes().count()), 2);
  out += ':';
  append_padded(out, static_cast<std::uint64_t>(clock.seconds().count()), 2);
  out += '.';
  append_padded(out, static_cast<std::uint64_t>(clock.subseconds().count()), 3);
  out += 'Z';
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  for (const char c : valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += hex[byte >> 4U];
      out += hex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0)
      valid += "\xEF\xBF\xBD";
    else
      valid += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

std::string plain_utf8(std::string_view text) {
  const std::string valid = valid_utf8(text);
  std::string plain;
  plain.reserve(valid.size());
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    // U+0080 to U+009F are C2 80 to C2 9F.
    const bool is_c1 = byte == 0xC2 && static_cast<unsigned char>(valid[i + 1]) < 0xA0;
    if (byte == '\t' || byte == '\n' || byte == '\r')
      plain += ' ';
    else if (is_c1)
      ++i;
    else if (byte >= 0x20 && byte != 0x7F)
      plain += valid[i];
  }
  return plain;
}

}  // namespace flopwatt
