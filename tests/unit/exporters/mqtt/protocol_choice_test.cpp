#include "exporters/mqtt/protocol_choice.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::mqtt;
using namespace std::chrono_literals;
using Failure = ProtocolChoice::Failure;

TEST_CASE("auto takes 3.1.1 where the broker refuses 5, stays with it, and tries 5 again once a day") {
  ProtocolChoice choice(Protocol::automatic);
  SteadyTime now{100h};
  CHECK(choice.mqtt_5(now));
  choice.failed(true, Failure::version_refused, now);
  CHECK_FALSE(choice.mqtt_5(now));
  choice.connected(false, now);
  choice.failed(false, Failure::closed_without_answer, now + 1h);
  CHECK_FALSE(choice.mqtt_5(now + 23h));
  now += 24h;
  CHECK(choice.mqtt_5(now));
  SUBCASE("refused again") {
    choice.failed(true, Failure::version_refused, now);
    CHECK_FALSE(choice.mqtt_5(now));
    CHECK(choice.mqtt_5(now + 24h));
  }
  SUBCASE("or whatever else fails") {
    choice.failed(true, Failure::other, now);
    CHECK_FALSE(choice.mqtt_5(now));
  }
  SUBCASE("taken now") {
    choice.connected(true, now);
    CHECK(choice.mqtt_5(now + 1h));
  }
}

TEST_CASE("two connections in a row that are closed without an answer are such a refusal; others are not") {
  ProtocolChoice choice(Protocol::automatic);
  const SteadyTime now{100h};
  choice.failed(true, Failure::closed_without_answer, now);
  choice.failed(true, Failure::other, now);
  choice.failed(true, Failure::closed_without_answer, now);
  CHECK(choice.mqtt_5(now));
  choice.failed(true, Failure::closed_without_answer, now);
  CHECK_FALSE(choice.mqtt_5(now));
  choice.failed(false, Failure::closed_without_answer, now);  // 3.1.1 is no better
  CHECK(choice.mqtt_5(now));
}

TEST_CASE("where 5 has worked it stays, unless it is refused") {
  ProtocolChoice choice(Protocol::automatic);
  const SteadyTime now{100h};
  choice.connected(true, now);
  for (int i = 0; i < 5; ++i) choice.failed(true, Failure::closed_without_answer, now);
  CHECK(choice.mqtt_5(now));
  choice.failed(true, Failure::version_refused, now);
  CHECK_FALSE(choice.mqtt_5(now));
}

TEST_CASE("a version that is configured stays") {
  ProtocolChoice five(Protocol::mqtt_5), three(Protocol::mqtt_3_1_1);
  five.failed(true, Failure::version_refused, {});
  CHECK(five.mqtt_5({}));
  three.failed(false, Failure::version_refused, {});
  CHECK_FALSE(three.mqtt_5(SteadyTime{1000h}));
}
