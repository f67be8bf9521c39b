#include "drivers/work/line.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace flopwatt::work {

TEST_CASE("good lines") {
  struct Case {
    const char* text;
    double flop;
    bool is_running_total, is_for_scope;
    const char* target;
    Place precision;
  };
  const auto none = Place::unspecified_precision;
  const std::vector<Case> cases = {
      {"flop:1e15|c|#accelerator:nvidia0", 1e15, false, false, "nvidia0", none},
      {"flop:123456789012345|g|#accelerator:nvidia0", 123456789012345, true, false, "nvidia0", none},
      {"flop:0|g|#scope:rack", 0, true, true, "rack", none},
      {"flop:1.5E+3|c|#scope:rack,precision:bf16", 1500, false, true, "rack", Place::bf16},
      {"flop:.5|c|#precision:fp8,accelerator:0000:41:00.0", 0.5, false, false, "0000:41:00.0", Place::fp8},
      {"flop:1|c|#accelerator:GPU-2f-1,kind:model,job:a7,rank:3", 1, false, false, "GPU-2f-1", none},
      {"flop:1|c|#kind:hardware,accelerator:a", 1, false, false, "a", none},
      {"flop:1|c|#accelerator:a,precision:int4", 1, false, false, "a", Place::other_precision},
      {"flop:1|c|#accelerator:a,precision:assumed_bf16", 1, false, false, "a", Place::other_precision},
      {"flop:1|c|#accelerator:a,precision:int8", 1, false, false, "a", Place::int8},
      {"flop:1|c|#env:prod,accelerator:a,bare,empty:", 1, false, false, "a", none},
      {"flop:1|c|#accelerator:a|c:ci-1234|e:it-false,pu-1|card:low", 1, false, false, "a", none},
      {"flop:1|c|c:ci-1234|#accelerator:a", 1, false, false, "a", none},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    const auto line = parse_line(one.text);
    REQUIRE(line);
    CHECK(line->flop == one.flop);
    CHECK(line->is_running_total == one.is_running_total);
    CHECK(line->is_for_scope == one.is_for_scope);
    CHECK(line->target == one.target);
    CHECK(line->precision == one.precision);
  }
}

TEST_CASE("wrong lines, each with its reason") {
  struct Case {
    const char* text;
    Refusal reason;
  };
  using enum Refusal;
  const std::vector<Case> cases = {
      {"", syntax},
      {"flop", syntax},
      {"flop:", syntax},
      {"flop:1", syntax},
      {"flop:1|", syntax},
      {"flop:|c|#accelerator:a", syntax},
      {"flop:1|ms|#accelerator:a", syntax},
      {"flop:1|cc|#accelerator:a", syntax},
      {"FLOP:1|c|#accelerator:a", syntax},
      {"flops:1|c|#accelerator:a", syntax},
      {" flop:1|c|#accelerator:a", syntax},
      {"flop: 1|c|#accelerator:a", syntax},
      {"flop:1 |c|#accelerator:a", syntax},
      {"flop:+1|g|#accelerator:a", syntax},  // statsd's "add to the gauge"
      {"flop:0x10|c|#accelerator:a", syntax},
      {"flop:1e|c|#accelerator:a", syntax},
      {"flop:1:2|c|#accelerator:a", syntax},
      {"flop:1|c|#accelerator:a|#job:b", syntax},
      {"flop:1|c|#accelerator:a|T1656581400", syntax},
      {"flop:1|c||#accelerator:a", syntax},
      {"flop:1|c|accelerator:a", syntax},
      {"flop:1|c|#accelerator:a,,job:b", syntax},
      {"flop:1|c|#accelerator:a,:b", syntax},
      {"flop:1|c|#accelerator:", syntax},
      {"flop:1|c|#accelerator:a,precision:", syntax},
      {"flop:1|c|#accelerator:a,accelerator:b", syntax},
      {"flop:1|c|#accelerator:a,kind:both", syntax},
      {"flop:1|c|@0.1|#accelerator:a", sampling_rate},
      {"flop:1|c|#accelerator:a|@1", sampling_rate},
      {"flop:inf|c|#accelerator:a", not_finite},
      {"flop:-inf|c|#accelerator:a", not_finite},
      {"flop:nan|g|#accelerator:a", not_finite},
      {"flop:1e309|c|#accelerator:a", not_finite},
      {"flop:-1|c|#accelerator:a", negative},
      {"flop:-0|g|#accelerator:a", negative},  // statsd's "take from the gauge"
      {"flop:1|c", target},
      {"flop:1|c|#job:a", target},
      {"flop:1|c|#accelerator:a,scope:b", target},
  };
  for (const Case& one : cases) {
    CAPTURE(one.text);
    const auto line = parse_line(one.text);
    REQUIRE_FALSE(line);
    CHECK(name_of(line.error()) == name_of(one.reason));
  }
}

TEST_CASE("what is too long is refused") {
  const std::string start = "flop:1|c|#accelerator:a,x:";
  CHECK(parse_line(start + std::string(longest_line - start.size(), 'y')));
  CHECK(parse_line(start + std::string(longest_line - start.size() + 1, 'y')).error() == Refusal::syntax);
  std::string tags = "flop:1|c|#accelerator:a";
  for (std::size_t i = 1; i < most_tags; ++i) tags += ",t";
  CHECK(parse_line(tags));
  CHECK(parse_line(tags + ",t").error() == Refusal::syntax);
}

TEST_CASE("a datagram is its lines; empty ones are none") {
  std::string_view datagram = "\na\n\nbc\n";
  CHECK(take_line(datagram) == "a");
  CHECK(take_line(datagram) == "bc");
  CHECK_FALSE(take_line(datagram));
}

TEST_CASE("the order of tags does not matter, what they say does") {
  std::string one, other;
  make_key("job:a,rank:1,accelerator:x", one);
  make_key("accelerator:x,job:a,rank:1,job:a", other);
  CHECK(one == other);
  make_key("accelerator:x,job:a,rank:2", other);
  CHECK(one != other);
  make_key("accelerator:x,job:a", other);
  CHECK(one != other);
}

}  // namespace flopwatt::work
