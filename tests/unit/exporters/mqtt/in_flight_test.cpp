#include "exporters/mqtt/in_flight.h"

#include <doctest/doctest.h>

using namespace flopwatt;
using namespace flopwatt::mqtt;
using Lane = PushExporter::Lane;
using std::chrono::seconds;

namespace {

const MessageFacts facts{.topic = std::make_shared<const std::string>("t"), .subject = {}};
const InFlight::SteadyTime start{};

}  // namespace

TEST_CASE("replay has at most half of the slots, live all of them") {
  InFlight in_flight(4);
  const auto acknowledgements = std::make_shared<Acknowledgements>();
  for (int i = 0; i < 2; ++i) {
    REQUIRE(in_flight.has_room(Lane::replay));
    in_flight.add(acknowledgements, facts, Lane::replay, start);
  }
  CHECK_FALSE(in_flight.has_room(Lane::replay));
  for (int i = 0; i < 2; ++i) {
    REQUIRE(in_flight.has_room(Lane::live));
    in_flight.add(acknowledgements, facts, Lane::live, start);
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

TEST_CASE("answers free their slot and tell their acknowledgements, each its own message") {
  InFlight in_flight(3);
  const auto one = std::make_shared<Acknowledgements>(), other = std::make_shared<Acknowledgements>();
  const auto a = in_flight.add(one, facts, Lane::live, start);
  const auto b = in_flight.add(one, facts, Lane::replay, start);
  const auto c = in_flight.add(other, facts, Lane::live, start);
  in_flight.answered(b, 0x87, start);
  CHECK(one->unanswered == 1);
  in_flight.answered(a, 0, start);
  CHECK(one->unanswered == 0);
  CHECK(one->reasons == std::vector<std::optional<int>>{0, 0x87});
  CHECK_FALSE(in_flight.empty());
  CHECK(in_flight.give_up().size() == 1);
  CHECK(in_flight.empty());
  CHECK(other->unanswered == 0);
  CHECK(other->reasons == std::vector<std::optional<int>>{std::nullopt});
  CHECK(in_flight.has_room(Lane::replay));
  CHECK_THROWS(in_flight.answered(c, 0, start));
}

TEST_CASE("a lower limit holds until it is raised, and never beyond the slots") {
  InFlight in_flight(3);
  const auto acknowledgements = std::make_shared<Acknowledgements>();
  in_flight.set_limit(1);
  CHECK(in_flight.has_room(Lane::replay));
  in_flight.add(acknowledgements, facts, Lane::live, start);
  CHECK_FALSE(in_flight.has_room(Lane::live));
  in_flight.set_limit(64);
  in_flight.add(acknowledgements, facts, Lane::live, start);
  in_flight.add(acknowledgements, facts, Lane::live, start);
  CHECK_FALSE(in_flight.has_room(Lane::live));
}

TEST_CASE("progress is an answer, or the first message after a silence") {
  InFlight in_flight(3);
  const auto acknowledgements = std::make_shared<Acknowledgements>();
  const auto a = in_flight.add(acknowledgements, facts, Lane::live, start + seconds(100));
  in_flight.add(acknowledgements, facts, Lane::live, start + seconds(105));
  CHECK(in_flight.last_progress() == start + seconds(100));
  in_flight.answered(a, 0, start + seconds(107));
  CHECK(in_flight.last_progress() == start + seconds(107));
}
