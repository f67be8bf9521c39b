#include "drivers/modbus/unit_health.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace std::chrono_literals;

namespace {

const Fault silence_fault{FaultClass::timeout, "", 0};
const Fault gateway_silence{FaultClass::exception, "", 11};
const SteadyTime t0{1000s};

Fault exception_fault(int code) { return {FaultClass::exception, "", code}; }

std::chrono::milliseconds wait_after(UnitHealth& health, const Fault& fault, bool shares_line,
                                     double chance) {
  health.failed(state_after(fault), t0, shares_line, chance);
  return std::chrono::duration_cast<std::chrono::milliseconds>(health.retry_at() - t0);
}

}  // namespace

TEST_CASE("who is silent three times on a shared line is asked once a minute from then on") {
  for (const Fault& fault : {silence_fault, gateway_silence}) {
    UnitHealth health(1s);
    CHECK_FALSE(health.failing());
    CHECK(wait_after(health, fault, true, 0) == 1s);
    CHECK(wait_after(health, fault, true, 0.5) == 1750ms);
    CHECK(health.failing());
    CHECK_FALSE(health.quarantined());
    CHECK_FALSE(health.attempt_is_short());
    // Never sooner than a minute, whatever the chance; not all at the same moment.
    CHECK(wait_after(health, fault, true, 0) == 60s);
    CHECK(health.quarantined());
    CHECK(health.attempt_is_short());
    CHECK(wait_after(health, fault, true, 0.5) == 67'500ms);
    CHECK(wait_after(health, fault, true, 0.99) < 75s);

    health.answered();
    CHECK_FALSE((health.failing() || health.quarantined() || health.attempt_is_short()));
    CHECK(wait_after(health, fault, true, 0) == 1s);
  }
}

TEST_CASE("each fifth attempt gives a slow unit the whole time") {
  UnitHealth health(1s);
  int longs = 0;
  for (int i = 1; i <= 20; ++i) {
    health.failed(UnitState::silent, t0, true, 0);
    longs += i >= 3 && !health.attempt_is_short() ? 1 : 0;
  }
  CHECK(longs == 4);
}

TEST_CASE("who has its line for itself is quarantined when its wait has grown to a minute") {
  UnitHealth health(1s);
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s}) {
    CHECK(wait_after(health, silence_fault, false, 0) == wait);
    CHECK_FALSE(health.quarantined());
  }
  CHECK(wait_after(health, silence_fault, false, 0.9) >= 60s);
  CHECK(health.quarantined());
}

TEST_CASE("who is asked seldom is not asked oftener for being silent") {
  UnitHealth health(15min);
  for (int i = 0; i < 5; ++i) CHECK(wait_after(health, silence_fault, true, 0) == 15min);
}

TEST_CASE("noise is no silence") {
  UnitHealth health(1s);
  health.failed(UnitState::silent, t0, true, 0);
  health.failed(UnitState::silent, t0, true, 0);
  health.failed(state_after({FaultClass::crc, "", 0}), t0, true, 0);
  health.failed(UnitState::silent, t0, true, 0);
  health.failed(UnitState::silent, t0, true, 0);
  CHECK_FALSE(health.quarantined());
  CHECK(health.retry_at() == t0 + 16s);
  health.failed(UnitState::silent, t0, true, 0);
  CHECK(health.quarantined());
}

TEST_CASE("what a person has to change is tried again after half a minute to a minute") {
  for (const Fault& fault : {exception_fault(1), exception_fault(2), exception_fault(3), exception_fault(10),
                             Fault{FaultClass::device, "", 0}}) {
    UnitHealth health(1s);
    CHECK(wait_after(health, fault, true, 0) == 60s);
    CHECK(wait_after(health, fault, true, 0.99) >= 30s);
    CHECK_FALSE(health.quarantined());
  }
  UnitHealth busy(1s);
  CHECK(wait_after(busy, exception_fault(6), true, 0) == 1s);
}
