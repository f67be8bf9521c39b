#include "agent/commands/export/arguments.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

namespace flopwatt::commands {
namespace {

using namespace std::chrono;

// Takes digits and marks off the front of a text; the first that does not fit fails it.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    const bool enough = good_ && rest_.size() >= count;
    const char* const end = enough ? rest_.data() + count : rest_.data();
    good_ = enough && is_digit(rest_.front()) && std::from_chars(rest_.data(), end, value).ptr == end;
    if (good_) rest_.remove_prefix(count);
    return value;
  }
  bool skip(std::string_view any_of) {
    if (!good_ || rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
    taken_ = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }
  void expect(std::string_view any_of) {
    if (!skip(any_of)) good_ = false;
  }
  // Digits behind the point, as microseconds; further ones are cut off.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; good_ && !rest_.empty() && is_digit(rest_.front()); ++count, rest_.remove_prefix(1))
      if (count < 6) value = value * 10 + (rest_.front() - '0');
    if (count == 0) good_ = false;
    for (; count < 6; ++count) value *= 10;
    return value;
  }
  [[nodiscard]] char taken() const { return taken_; }
  [[nodiscard]] bool at_end() const { return good_ && rest_.empty(); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  std::string_view rest_;
  bool good_ = true;
  char taken_ = 0;
};

std::optional<sys_days> take_date(Scanner& scanner) {
  const int y = scanner.digits(4);
  scanner.expect("-");
  const int m = scanner.digits(2);
  scanner.expect("-");
  const int d = scanner.digits(2);
  const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!scanner.good() || !date.ok() || y < 1970) return std::nullopt;
  return sys_days(date);
}

// Of the day, in UTC: less the offset that is written behind it.
std::optional<microseconds> take_clock(Scanner& scanner) {
  const int hour = scanner.digits(2);
  scanner.expect(":");
  const int minute = scanner.digits(2);
  int second = 0;
  std::int64_t fraction = 0;
  if (scanner.skip(":")) {
    second = scanner.digits(2);
    if (scanner.skip(".")) fraction = scanner.fraction();
  }
  minutes offset{0};
  scanner.expect("Zz+-");
  if (const char sign = scanner.taken(); scanner.good() && (sign == '+' || sign == '-')) {
    offset = hours(scanner.digits(2));
    scanner.expect(":");
    offset += minutes(scanner.digits(2));
    if (sign == '-') offset = -offset;
  }
  // 60: a leap second, which Unix time counts as the one after it.
  if (!scanner.at_end() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return hours(hour) + minutes(minute) + seconds(second) + microseconds(fraction) - offset;
}

}  // namespace

Parsed<std::int64_t> parse_moment(std::string_view text, std::int64_t now_us) {
  const bool is_ago = text.starts_with('-');
  const auto duration = parse_duration(is_ago ? text.substr(1) : text);
  if (duration.value && is_ago) return Parsed<std::int64_t>::good(now_us - duration.value->count());
  if (duration.value)
    return Parsed<std::int64_t>::bad("write a time before now with a minus, as -" + std::string(text));
  Scanner scanner(text);
  const auto date = take_date(scanner);
  if (date && scanner.at_end())
    return Parsed<std::int64_t>::good(microseconds(date->time_since_epoch()).count());
  scanner.expect("Tt ");
  if (const auto clock = take_clock(scanner); date && clock)
    return Parsed<std::int64_t>::good((microseconds(date->time_since_epoch()) + *clock).count());
  return Parsed<std::int64_t>::bad(
      "write a time as 2026-11-23T12:44:01Z, a date as 2026-11-23 (UTC), or a time before now as -1h");
}

Parsed<AddedLabel> parse_label(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const bool good = equals != std::string_view::npos && !name.empty() && std::ranges::all_of(name, fits) &&
                    !(name.front() >= '0' && name.front() <= '9') && !name.starts_with("__");
  if (!good)
    return Parsed<AddedLabel>::bad(
        "write a label as name=value; the name of letters, digits and _, no digit or __ first");
  return Parsed<AddedLabel>::good({std::string(name), std::string(text.substr(equals + 1))});
}

}  // namespace flopwatt::commands
