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
    WorkKind kind = WorkKind::hardware;
  };
  const auto none = Place::unspecified_precision;
  const std::vector<Case> cases = {
      {"flop:1e15|c|#accelerator:nvidia0", 1e15, false, false, "nvidia0", none},
      {"flop:123456789012345|g|#accelerator:nvidia0", 123456789012345, true, false, "nvidia0", none},
      {"flop:0|g|#scope:rack", 0, true, true, "rack", none},
      {"flop:1.5E+3|c|#scope:rack,precision:bf16", 1500, false, true, "rack", Place::bf16},
      {"flop:.5|c|#precision:fp8,accelerator:0000:41:00.0", 0.5, false, false, "0000:41:00.0", Place::fp8},
      {"flop:1|c|#accelerator:GPU-2f-1,kind:model,job:a7,rank:3", 1, false, false, "GPU-2f-1", none,
       WorkKind::model},
      {"flop:1|c|#kind:hardware,accelerator:a", 1, false, false, "a", none},
      {"flop:1|c|#accelerator:a,precision:int4", 1, false, false, "a", Place::other_precision},
      {"flop:1|c|#accelerator:a,precision:assumed_bf16", 1, false, false, "a", Place::other_precision},
      {"flop:1|c|#accelerator:a,precision:int8", 1, false, false, "a", Place::int8},
      {"flop:1|c|#env:prod,accelerator:a,bare,empty:", 1, false, false, "a", none},
      {"flop:1|c|#accelerator:a|c:ci-1234|e:it-false,pu-1|card:low", 1, false, false, "a", none},
      {"flop:1|c|c:ci-1234|#accelerator:a", 1, false, false, "a", none},
      {"flop:1|c|#accelerator:a|T1656581400", 1, false, false, "a", none},
      {"flop:1|g|#accelerator:a|T1656581400|c:ci-1", 1, true, false, "a", none},
      {"flop:1|c|@1|#accelerator:a", 1, false, false, "a", none},
      {"flop:1|g|#accelerator:a|@1.0", 1, true, false, "a", none},
      {"flop:1:2:3|c|#accelerator:a", 6, false, false, "a", none},
      {"flop:5:7|g|#accelerator:a", 5, true, false, "a", none},
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
    CHECK(line->kind == one.kind);
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
      {" flop:1|c|#accelerator:a", syntax},
      {"flop: 1|c|#accelerator:a", syntax},
      {"flop:1 |c|#accelerator:a", syntax},
      {"flop:+1|g|#accelerator:a", syntax},  // statsd's "add to the gauge"
      {"flop:0x10|c|#accelerator:a", syntax},
      {"flop:1e|c|#accelerator:a", syntax},
      {"flop:1:|c|#accelerator:a", syntax},
      {"flop::1|c|#accelerator:a", syntax},
      {"flop:1:x|c|#accelerator:a", syntax},
      {"flop:1|c|#accelerator:a|#job:b", syntax},
      {"flop:1|c|#accelerator:a|T", syntax},
      {"flop:1|c|#accelerator:a|T16.5", syntax},
      {"flop:1|c|#accelerator:a|t1656581400", syntax},
      {"flop:1|c||#accelerator:a", syntax},
      {"flop:1|c|accelerator:a", syntax},
      {"flop:1|c|#accelerator:a,,job:b", syntax},
      {"flop:1|c|#accelerator:a,:b", syntax},
      {"flop:1|c|#accelerator:", syntax},
      {"flop:1|c|#accelerator:a,precision:", syntax},
      {"flop:1|c|#accelerator:a,accelerator:b", syntax},
      {"flop:1|c|#accelerator:a,kind:both", syntax},
      {"flop:1|c|@0.1|#accelerator:a", sampling_rate},
      {"flop:1|c|#accelerator:a|@", sampling_rate},
      {"flop:1|c|#accelerator:a|@1.01", sampling_rate},
      {"flop:1|c|#accelerator:a|@one", sampling_rate},
      {"flop:inf|c|#accelerator:a", not_finite},
      {"flop:-inf|c|#accelerator:a", not_finite},
      {"flop:nan|g|#accelerator:a", not_finite},
      {"flop:1e309|c|#accelerator:a", not_finite},
      {"flop:1:inf|g|#accelerator:a", not_finite},
      {"flop:1e308:1e308|c|#accelerator:a", not_finite},  // more than a double holds
      {"flop:0:1e308:0:1e308|g|#accelerator:a", not_finite},
      {"flop:-1|c|#accelerator:a", negative},
      {"flop:1:-1|c|#accelerator:a", negative},
      {"flop:-0|g|#accelerator:a", negative},  // statsd's "take from the gauge"
      {"flops:1|c|#accelerator:a", foreign},
      {"FLOP:1|c|#accelerator:a", foreign},
      {"train.loss:-0.25|g|@0.1|#accelerator:a", foreign},
      {"latency:1:2:3|ms", foreign},
      {"_e{5,4}:title|text|#job:a", foreign},
      {"_sc|trainer|0|#job:a", foreign},
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
  CHECK(parse_line("_e{2000,1}:" + std::string(2000, 'y') + "|x").error() == Refusal::foreign);
  std::string tags = "flop:1|c|#accelerator:a";
  for (std::size_t i = 1; i < most_tags; ++i) tags += ",t";
  CHECK(parse_line(tags));
  CHECK(parse_line(tags + ",t").error() == Refusal::syntax);
}

TEST_CASE("packed running totals have a first value, a last one, and the growth between") {
  const auto line = parse_line("flop:100:130:20:25|g|#accelerator:a");
  REQUIRE(line);
  CHECK(line->flop == 100);
  CHECK(line->last == 25);
  CHECK(line->growth == 30 + 20 + 5);
  const auto one = parse_line("flop:100|g|#accelerator:a");
  REQUIRE(one);
  CHECK(one->last == 100);
  CHECK(one->growth == 0);
}

TEST_CASE("a datagram is its lines; empty ones are none; a line may end in CR LF") {
  std::string_view datagram = "\na\n\nbc\r\n\r\nd\re\r";
  CHECK(take_line(datagram) == "a");
  CHECK(take_line(datagram) == "bc");
  CHECK(take_line(datagram) == "d\re");
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
