#include "exporters/mqtt/in_flight.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::mqtt;
using Lane = PushExporter::Lane;
using std::chrono::seconds;

namespace {

const Topic topic = std::make_shared<const std::string>("t");
const InFlight::SteadyTime start{};

}  // namespace

TEST_CASE("replay has at most half of the slots, live all of them") {
  InFlight in_flight(4);
  const auto acknowledgements = std::make_shared<Acknowledgements>();
  for (int i = 0; i < 2; ++i) {
    REQUIRE(in_flight.has_room(Lane::replay));
    in_flight.add(acknowledgements, topic, Lane::replay, start);
  }
  CHECK_FALSE(in_flight.has_room(Lane::replay));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(in_flight.has_room(Lane::live));
    in_flight.add(acknowledgements, topic, Lane::live, start);
  }
  CHECK_FALSE(in_flight.has_room(Lane::live));
  CHECK(acknowledgements->unanswered == 4);
}

TEST_CASE("with a single slot replay gets it, when no live message waits") {
  InFlight in_flight(1);
  CHECK(in_flight.has_room(Lane::replay));
  {
    const InFlight::Waiting waiting(in_flight, Lane::live);
    CHECK_FALSE(in_flight.has_room(Lane::replay));
    CHECK(in_flight.has_room(Lane::live));
  }
  CHECK(in_flight.has_room(Lane::replay));
}

TEST_CASE("answers free their slot and tell their acknowledgements; the first fault stays") {
  InFlight in_flight(3);
  const auto one = std::make_shared<Acknowledgements>(), other = std::make_shared<Acknowledgements>();
  const auto a = in_flight.add(one, topic, Lane::live, start);
  const auto b = in_flight.add(one, topic, Lane::replay, start);
  const auto c = in_flight.add(other, topic, Lane::live, start);
  in_flight.answered(b, Fault{FaultClass::exception, "refused", 0x87}, start);
  in_flight.answered(a, std::nullopt, start);
  CHECK(one->unanswered == 0);
  REQUIRE(one->fault);
  CHECK(one->fault->code == 0x87);
  CHECK_FALSE(in_flight.empty());
  in_flight.fail_all({FaultClass::connection, "lost", 0});
  CHECK(in_flight.empty());
  CHECK(other->unanswered == 0);
  CHECK(other->fault->message == "lost");
  CHECK(one->fault->code == 0x87);
  CHECK(in_flight.has_room(Lane::replay));
  CHECK_THROWS(in_flight.answered(c, std::nullopt, start));
}

TEST_CASE("progress is an answer, or the first message after a silence") {
  InFlight in_flight(3);
  const auto acknowledgements = std::make_shared<Acknowledgements>();
  const auto a = in_flight.add(acknowledgements, topic, Lane::live, start + seconds(100));
  in_flight.add(acknowledgements, topic, Lane::live, start + seconds(105));
  CHECK(in_flight.last_progress() == start + seconds(100));
  in_flight.answered(a, std::nullopt, start + seconds(107));
  CHECK(in_flight.last_progress() == start + seconds(107));
}
