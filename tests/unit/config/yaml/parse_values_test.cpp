#include "config/yaml/parse_values.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and a unit") {
  CHECK(parse_duration("250ms").value == microseconds(250ms));
  CHECK(parse_duration("1s").value == microseconds(1s));
  CHECK(parse_duration("5m").value == microseconds(5min));
  CHECK(parse_duration("1h").value == microseconds(1h));
  CHECK(parse_duration("7d").value == microseconds(24h * 7));
  CHECK(parse_duration("0s").value == microseconds(0));
}

TEST_CASE("anything else is no duration, and the advice says what to write") {
  for (const char* bad : {"", "s", "1", "1.5s", "-1s", "+1s", " 1s", "1s ", "1 s", "1S", "1sec", "1us", "1w",
                          "1h30m", "0x1s", "99999999999999999999s", "9999999999999999d", "1e3s"}) {
    CAPTURE(bad);
    const auto parsed = parse_duration(bad);
    CHECK_FALSE(parsed.value);
    CHECK_FALSE(parsed.advice.empty());
  }
  CHECK(parse_duration("15").advice.find("15s") != std::string::npos);
}

TEST_CASE("durations are shown in their largest whole unit") {
  CHECK(format_duration(250ms) == "250ms");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(120s) == "2m");
  CHECK(format_duration(24h) == "1d");
  CHECK(format_duration(microseconds(0)) == "0s");
}

TEST_CASE("a size is a whole number and a binary unit") {
  CHECK(parse_size("1KiB").value == 1024u);
  CHECK(parse_size("64MiB").value == std::uint64_t{64} << 20);
  CHECK(parse_size("1GiB").value == std::uint64_t{1} << 30);
  CHECK(parse_size("2TiB").value == std::uint64_t{2} << 40);
  for (const char* bad :
       {"", "64", "64MB", "64M", "64mib", "1.5GiB", "-1GiB", "1 GiB", "GiB", "99999999999TiB"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_size(bad).value);
  }
  CHECK(format_size(std::uint64_t{1} << 30) == "1GiB");
  CHECK(format_size(std::uint64_t{1536} << 10) == "1536KiB");
}

TEST_CASE("whole numbers are decimal or hexadecimal, without leading zeros") {
  CHECK(parse_integer("0").value == 0);
  CHECK(parse_integer("-5").value == -5);
  CHECK(parse_integer("65535").value == 65535);
  CHECK(parse_integer("0x0156").value == 342);
  CHECK(parse_integer("0xff").value == 255);
  for (const char* bad : {"", "-", "--1", "+1", "010", "00", "1.0", "1e3", "0x", "0x-1", "0o7", "1_000",
                          "one", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_integer(bad).value);
  }
}

TEST_CASE("numbers are finite decimals") {
  CHECK(parse_number("0.5").value == 0.5);
  CHECK(parse_number("-2").value == -2.0);
  CHECK(parse_number("1e-3").value == 0.001);
  for (const char* bad : {"", ".", "1,5", "nan", "inf", "-inf", "1e999", "0x10", "5%", " 1", "1 "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_number(bad).value);
  }
  CHECK(format_number(0.01) == "0.01");
  CHECK(format_number(10) == "10");
}

TEST_CASE("names") {
  for (const char* good : {"a", "A", "7", "pdu-a", "rack_r12", "0a-_"}) CHECK(is_name(good));
  for (const char* bad : {"", "-a", "_a", "a.b", "a/b", "a b", "é", "a\n", "a*"}) CHECK_FALSE(is_name(bad));
  CHECK(is_name(std::string(128, 'a')));
  CHECK_FALSE(is_name(std::string(129, 'a')));
  CHECK(is_node_name("rack-r12.example.org"));
  CHECK_FALSE(is_node_name(".rack"));
}
