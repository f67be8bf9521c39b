#include "exporters/mqtt/topic_gates.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::mqtt;
using namespace std::chrono_literals;
using Verdict = TopicGates::Verdict;

namespace {

const SteadyTime gates_start = SteadyTime{} + 1000h;

}  // namespace

TEST_CASE(
    "a topic that is refused for good rests; after a new connection, or 10 minutes, one message is tried") {
  TopicGates gates;
  CHECK(gates.ask("a", gates_start) == Verdict::send);
  CHECK(gates.refused_for_good("a", 0x87, gates_start));
  CHECK(gates.ask("b", gates_start) == Verdict::send);
  CHECK(gates.ask("a", gates_start + 599s) == Verdict::set_aside);
  CHECK(gates.opens_at("a") == gates_start + 10min);
  SteadyTime now = gates_start + 10min;
  SUBCASE("10 minutes") {}
  SUBCASE("a new connection") {
    now = gates_start + 5s;
    gates.connected(now);
  }
  CHECK(gates.ask("a", now) == Verdict::probe);
  CHECK(gates.ask("a", now) == Verdict::wait);
  CHECK(gates.opens_at("a") > now);
  SUBCASE("refused again: no news") {
    CHECK_FALSE(gates.refused_for_good("a", 0x87, now));
    CHECK(gates.ask("a", now + 1s) == Verdict::set_aside);
  }
  SUBCASE("for another reason: news") { CHECK(gates.refused_for_good("a", 0x90, now)); }
  SUBCASE("accepted") {
    gates.accepted("a", now);
    CHECK(gates.ask("a", now) == Verdict::send);
    CHECK(gates.opens_at("a") == SteadyTime{});
  }
  SUBCASE("the answer is lost with the connection") {
    gates.unanswered("a");
    gates.connected(now + 1s);
    CHECK(gates.ask("a", now + 1s) == Verdict::probe);
  }
}

TEST_CASE("a topic that is not taken now rests for a moment, and longer when it is refused again and again") {
  TopicGates gates;
  SteadyTime now = gates_start;
  CHECK(gates.refused_now("a", 0x97, now));
  CHECK_FALSE(gates.refused_now("a", 0x97, now + 10ms));  // was in flight with the first
  CHECK(gates.opens_at("a") == now + 1s);
  CHECK(gates.ask("a", now + 900ms) == Verdict::later);
  for (const auto pause : {2s, 4s, 8s, 16s, 30s, 30s}) {
    now = gates.opens_at("a");
    REQUIRE(gates.ask("a", now) == Verdict::probe);
    now += 1500ms;  // the answer took its time
    CHECK_FALSE(gates.refused_now("a", 0x97, now));
    CHECK(gates.opens_at("a") == now + pause);
  }
}

TEST_CASE("a topic is logged again when it was taken for a minute in between") {
  TopicGates gates;
  CHECK(gates.refused_now("a", 0x97, gates_start));
  CHECK_FALSE(gates.accepted("a", gates_start + 2s));
  CHECK_FALSE(gates.refused_now("a", 0x97, gates_start + 3s));
  CHECK_FALSE(gates.accepted("a", gates_start + 62s));
  CHECK(gates.accepted("a", gates_start + 63s));
  CHECK_FALSE(gates.accepted("a", gates_start + 64s));
  CHECK(gates.refused_now("a", 0x97, gates_start + 65s));
}

TEST_CASE("a topic at which the connection is closed rests over new connections, each time for longer") {
  TopicGates gates;
  CHECK(gates.closed_connection("a", gates_start));
  gates.connected(gates_start + 5s);
  CHECK(gates.ask("a", gates_start + 5s) == Verdict::set_aside);
  SteadyTime now = gates_start + 10min;
  REQUIRE(gates.ask("a", now) == Verdict::probe);
  CHECK_FALSE(gates.closed_connection("a", now));
  CHECK(gates.opens_at("a") == now + 20min);
  for (int i = 0; i < 20; ++i) static_cast<void>(gates.closed_connection("a", now));
  CHECK(gates.opens_at("a") == now + 24h);
}

TEST_CASE("a message that is refused alone leaves its topic open, and is logged once") {
  TopicGates gates;
  CHECK(gates.refused_alone("a", 0x95, gates_start));
  CHECK(gates.ask("a", gates_start) == Verdict::send);
  CHECK_FALSE(gates.refused_alone("a", 0x95, gates_start + 1s));
}
