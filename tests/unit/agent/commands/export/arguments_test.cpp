#include "agent/commands/export/arguments.h"

#include <doctest/doctest.h>

using namespace flopwatt::commands;

namespace {

constexpr std::int64_t now_us = 1'795'437'841'250'000;  // 2026-11-23T12:44:01.250Z
constexpr std::int64_t hour_us = 3'600'000'000;

}  // namespace

TEST_CASE("moments") {
  const auto moment = [](std::string_view text) { return parse_moment(text, now_us).value.value_or(-1); };
  CHECK(moment("2026-11-23T12:44:01.250Z") == now_us);
  CHECK(moment("2026-11-23t12:44:01.25z") == now_us);
  CHECK(moment("2026-11-23 12:44:01.2500009Z") == now_us);
  CHECK(moment("2026-11-23T20:44:01.250+08:00") == now_us);
  CHECK(moment("2026-11-23T07:14:01.250-05:30") == now_us);
  CHECK(moment("2026-11-23T12:44:01Z") == now_us - 250'000);
  CHECK(moment("2026-11-23T12:44Z") == now_us - 1'250'000);
  CHECK(moment("2026-11-23") == now_us - 1'250'000 - 44 * hour_us / 60 - 12 * hour_us);
  CHECK(moment("1970-01-01") == 0);
  CHECK(moment("2028-02-29") > now_us);
  CHECK(moment("-1h") == now_us - hour_us);
  CHECK(moment("-7d") == now_us - 168 * hour_us);
}

TEST_CASE("what is no moment, and what to write instead") {
  for (const char* text :
       {"", "yesterday", "2026", "2026-11", "2026-13-01", "2027-02-29", "2026-11-23T", "2026-11-23T12:44:01",
        "2026-11-23T24:00:00Z", "2026-11-23T12:60:00Z", "2026-11-23T12:44:01.Z", "2026-11-23T12:44:01Zz",
        "2026-11-23T12:44:01+8", "+026-11-23", "-1", "1 h", "--1h", "1969-12-31"}) {
    CAPTURE(text);
    const auto moment = parse_moment(text, now_us);
    CHECK_FALSE(moment.value);
    CHECK(moment.advice.find("2026-11-23T12:44:01Z") != std::string::npos);
  }
}

TEST_CASE("a duration without its minus is asked about: it could be meant from the beginning") {
  const auto moment = parse_moment("1h", now_us);
  CHECK_FALSE(moment.value);
  CHECK(moment.advice.ends_with("as -1h"));
}

TEST_CASE("labels") {
  const auto label = parse_label("site=a=b \"c\"");
  REQUIRE(label.value);
  CHECK(label.value->name == "site");
  CHECK(label.value->value == "a=b \"c\"");
  CHECK(parse_label("_S1=").value);
  for (const char* text : {"", "site", "=x", "1a=x", "__name__=x", "a-b=x", "a b=x", "\xC3\xA9=x"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_label(text).value);
  }
}
