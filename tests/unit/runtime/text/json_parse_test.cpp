#include "runtime/text/json_parse.h"

#include <doctest/doctest.h>

#include <bit>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "runtime/text/number_text.h"

using namespace flopwatt;
namespace json = boost::json;

TEST_CASE("numbers are the nearest doubles") {
  std::mt19937_64 random(11);
  int others = 0;  // those that Boost's own parser reads otherwise
  for (int i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    std::string text;
    append_with_exponent(text, value);
    const json::value read = parse_json(text);
    REQUIRE(read.is_double());
    REQUIRE(std::bit_cast<std::uint64_t>(read.get_double()) == std::bit_cast<std::uint64_t>(value));
    if (json::parse(text).get_double() != value) ++others;
  }
  CHECK(others > 0);  // else this parser of ours is no longer needed
  CHECK(parse_json("944.9207763671875").get_double() == 944.9207763671875);
  CHECK(parse_json("18446744073709551615").get_uint64() == 18446744073709551615U);
  CHECK(parse_json("-9007199254740993").get_int64() == -9007199254740993);
}

TEST_CASE("every kind of value") {
  const std::string text =
      R"({"a":[1,-2,2.5E0,true,false,null,"x\u00e4\n",[],{}],"b":{"c":"","long key, as it is":1E300}})";
  CHECK(json::serialize(parse_json(text)) == json::serialize(json::parse(text)));
  CHECK(parse_json(" [1] \n").as_array().size() == 1);
}

TEST_CASE("what is no JSON is an error") {
  for (const char* text : {"", "{", "[1,]", "1 2", "{\"a\":1}x", "nul", "\"\xff\"", "01", "1e"}) {
    CAPTURE(text);
    boost::system::error_code error;
    CHECK(parse_json(text, error).is_null());
    CHECK(error);
  }
  boost::system::error_code error;
  CHECK(parse_json(std::string(40, '[') + std::string(40, ']'), error).is_null());
  CHECK(error);
  CHECK_THROWS(parse_json("{"));
}
