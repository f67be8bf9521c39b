#include "drivers/modbus/round.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

namespace {

const SteadyTime round_begin{1000s};

Answer answer_of(std::int64_t sent_us, std::int64_t received_us) {
  return {{sent_us, sent_us}, {received_us, received_us}, {}};
}

}  // namespace

TEST_CASE("of all answers the one with the lowest rank dates the set, of equal ones the first") {
  Round round(round_begin, round_begin, 1s);
  CHECK_FALSE(round.set_time());
  round.answered(answer_of(1000, 1200), 2);
  round.answered(answer_of(2000, 2600), 2);
  REQUIRE(round.set_time());
  CHECK(round.set_time()->middle == Moment{1100, 1100});
  CHECK(round.set_time()->half_duration_us == 100);
  round.answered(answer_of(3000, 3400), 0);
  round.answered(answer_of(4000, 4400), 1);
  CHECK(round.set_time()->middle == Moment{3200, 3200});
  CHECK(round.set_time()->half_duration_us == 200);
}

TEST_CASE("the first fault is the round's") {
  Round round(round_begin, round_begin, 1s);
  CHECK_FALSE(round.fault());
  round.failed({FaultClass::timeout, "first", 0});
  round.failed({FaultClass::exception, "second", 4});
  REQUIRE(round.fault());
  CHECK(round.fault()->message == "first");
}

TEST_CASE("a round is due when it should have begun, then at the end of its pause") {
  Round round(round_begin + 30ms, round_begin, 1s);
  CHECK(round.due() == round_begin);
  CHECK(round.lateness() == 30ms);
  CHECK(round.end() == round_begin + 1030ms);
  round.add_duration(5ms);
  round.pause(round_begin + 200ms);
  round.add_duration(7ms);
  CHECK(round.due() == round_begin + 200ms);
  CHECK(round.lateness() == 30ms);
  CHECK(round.duration() == 12ms);
}

TEST_CASE("a round looks once whether its connection is new") {
  Round round(round_begin, round_begin, 1s);
  CHECK(round.begin_session_check());
  CHECK_FALSE(round.begin_session_check());
}
