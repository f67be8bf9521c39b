#include "agent/daemon/heartbeat.h"

#include <doctest/doctest.h>

using flopwatt::daemon::Heartbeat;
using namespace std::chrono_literals;

TEST_CASE("a loop runs from its first beat on, while none is late") {
  Heartbeat heartbeat;
  const Heartbeat::Clock::time_point t0{1000s};
  CHECK_FALSE(heartbeat.running(t0));
  heartbeat.beat(t0);
  CHECK(heartbeat.running(t0 + 3s));
  CHECK_FALSE(heartbeat.running(t0 + 3001ms));
  heartbeat.beat(t0 + 10s);
  CHECK(heartbeat.running(t0 + 11s));
  CHECK(heartbeat.count() == 2);
}
