#include "runtime/text/number_text.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstdlib>
#include <limits>
#include <random>

using namespace flopwatt;

namespace {

std::string number(double value) {
  std::string text;
  append_number(text, value);
  return text;
}

std::string with_exponent(double value) {
  std::string text;
  append_with_exponent(text, value);
  return text;
}

std::string time_of(std::int64_t wall_us) {
  std::string text;
  append_time(text, wall_us);
  return text;
}

std::string json_text(std::string_view value) {
  std::string text;
  append_json_string(text, value);
  return text;
}

}  // namespace

TEST_CASE("numbers are short, and whole numbers stay whole") {
  CHECK(number(0) == "0");
  CHECK(number(230.1) == "230.1");
  CHECK(number(-17) == "-17");
  CHECK(number(85'899'345'920) == "85899345920");
  CHECK(number(1e14) == "100000000000000");
  CHECK(number(9.87e14) == "987000000000000");
  CHECK(number(1.5e18) == "1.5e+18");
  CHECK(number(1.8e-12) == "1.8e-12");
  CHECK(number(0.1 + 0.2) == "0.30000000000000004");
}

TEST_CASE("every finite double reads back to itself") {
  std::mt19937_64 bits(1);
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<double>(bits());
    if (!std::isfinite(value)) continue;
    REQUIRE(std::strtod(number(value).c_str(), nullptr) == value);
    REQUIRE(std::strtod(with_exponent(value).c_str(), nullptr) == value);
  }
  CHECK(std::strtod(number(std::numeric_limits<double>::denorm_min()).c_str(), nullptr) > 0);
}

TEST_CASE("FLOP has an exponent, whatever its size") {
  CHECK(with_exponent(1.5e18) == "1.5e+18");
  CHECK(with_exponent(0) == "0e+00");
  CHECK(with_exponent(12) == "1.2e+01");
}

TEST_CASE("times are UTC with milliseconds, rounded down") {
  CHECK(time_of(0) == "1970-01-01T00:00:00.000Z");
  CHECK(time_of(1'795'437'841'250'999) == "2026-11-23T12:44:01.250Z");
  CHECK(time_of(1'709'164'800'000'000) == "2024-02-29T00:00:00.000Z");
  CHECK(time_of(-1) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("JSON strings are escaped") {
  CHECK(json_text("a\"b\\c\n\x01") == R"("a\"b\\c\u000a\u0001")");
  CHECK(json_text("grün") == "\"grün\"");
}

TEST_CASE("what is not UTF-8 is replaced, what is stays") {
  const std::string replaced = "\xEF\xBF\xBD";
  CHECK(valid_utf8("€ 𝄞 é") == "€ 𝄞 é");
  CHECK(valid_utf8("a\xFFz") == "a" + replaced + "z");
  CHECK(valid_utf8("a\xE2\x82") == "a" + replaced + replaced);                         // cut off
  CHECK(valid_utf8("\xC0\xAF") == replaced + replaced);                                // overlong
  CHECK(valid_utf8("\xED\xA0\x80") == replaced + replaced + replaced);                 // surrogate
  CHECK(valid_utf8("\xF4\x90\x80\x80") == replaced + replaced + replaced + replaced);  // above U+10FFFF
}

TEST_CASE("plain text has no control characters") {
  CHECK(plain_utf8("NVIDIA H100 80GB") == "NVIDIA H100 80GB");
  CHECK(plain_utf8("a\tb\r\nc") == "a b  c");
  CHECK(plain_utf8("a\x1B[31m\x07\x7Fz") == "a[31mz");
  CHECK(plain_utf8("\u0080a\u009F\u00A0z") == "a\u00A0z");
  CHECK(plain_utf8("a\xC2") == "a\uFFFD");  // half a character
  CHECK(plain_utf8("grün\xFF") == "grün\uFFFD");
  CHECK(plain_utf8(std::string_view("a\0z", 3)) == "az");
}
