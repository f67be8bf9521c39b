#include "drivers/modbus/unit_use.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

TEST_CASE("a unit is charged with what its connection did for it, not for others") {
  UnitCounters counters("pdu-a", 7);
  CHECK(counters.use().source == "pdu-a");
  CHECK(counters.use().unit_id == 7);
  Traffic before, after;
  before.requests = 100;
  before.failures.add(FaultClass::crc, 40);
  after.requests = 104;
  after.failures.add(FaultClass::timeout, 2);
  after.failures.add(FaultClass::crc, 41);
  counters.add(before, after);
  counters.add(before, after);
  CHECK(counters.use().requests == 8);
  CHECK(counters.use().failures[FaultClass::timeout] == 4);
  CHECK(counters.use().failures[FaultClass::crc] == 2);
  CHECK(counters.use().failures[FaultClass::exception] == 0);
}

TEST_CASE("the slowest answer is remembered for about a hundred answers") {
  UnitCounters counters("pdu-a", 1);
  CHECK(counters.slowest_answer() == 0us);
  counters.answered(64ms);
  counters.answered(1ms);
  CHECK(counters.slowest_answer() == 63ms);
  for (int i = 0; i < 100; ++i) counters.answered(1ms);
  CHECK(counters.slowest_answer() < 20ms);
  counters.answered(80ms);
  CHECK(counters.slowest_answer() == 80ms);
}
