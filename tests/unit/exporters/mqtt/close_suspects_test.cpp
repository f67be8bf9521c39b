#include "exporters/mqtt/close_suspects.h"

#include <doctest/doctest.h>

using namespace flopwatt::mqtt;
using namespace std::chrono_literals;

namespace {

using CloseTime = CloseSuspects::SteadyTime;

MessageFacts sent_message(const std::string& source, std::uint64_t first, std::uint64_t last,
                          CloseTime sent = {}, std::size_t bytes = 100) {
  return {.topic = std::make_shared<const std::string>("replay/" + source),
          .subject = std::make_shared<const std::string>(source),
          .first_seq = first,
          .last_seq = last,
          .objects = last - first + 1,
          .bytes = bytes,
          .sent = sent};
}

}  // namespace

TEST_CASE("the same set in flight at two losses: then one message at a time, until one is closed at") {
  CloseSuspects suspects;
  const CloseTime now{};
  CHECK_FALSE(suspects.connection_lost({sent_message("a", 1, 1), sent_message("b", 2, 2)}, now));
  CHECK_FALSE(suspects.one_at_a_time());
  CHECK_FALSE(suspects.connection_lost({sent_message("b", 1, 9), sent_message("c", 3, 9)}, now));
  REQUIRE(suspects.one_at_a_time());
  SUBCASE("soon after the only message") {
    const auto guilty = suspects.connection_lost({sent_message("b", 2, 2, now + 10s)}, now + 11s);
    REQUIRE(guilty);
    CHECK(*guilty->subject == "b");
    CHECK_FALSE(suspects.one_at_a_time());
  }
  SUBCASE("long after it: that is no answer to the message") {
    CHECK_FALSE(suspects.connection_lost({sent_message("b", 2, 2, now + 10s)}, now + 20s));
    CHECK(suspects.one_at_a_time());
  }
  SUBCASE("the suspects are taken") {
    suspects.answered(sent_message("a", 1, 1), now);
    CHECK(suspects.one_at_a_time());
    suspects.answered(sent_message("b", 2, 2), now);
    CHECK_FALSE(suspects.one_at_a_time());
  }
  SUBCASE("the suspects are never sent again") {
    suspects.answered(sent_message("a", 1, 1), now + 1s);
    suspects.answered(sent_message("a", 3, 3), now + 60s);
    CHECK(suspects.one_at_a_time());
    suspects.answered(sent_message("a", 4, 4), now + 61s);
    CHECK_FALSE(suspects.one_at_a_time());
  }
}

TEST_CASE("losses with other topics in flight are no pattern, nor is one that was taken in between") {
  CloseSuspects suspects;
  for (std::uint64_t seq = 1; seq < 20; ++seq)
    CHECK_FALSE(suspects.connection_lost({sent_message("a" + std::to_string(seq), seq, seq)}, {}));
  CHECK_FALSE(suspects.one_at_a_time());
  suspects.answered(sent_message("a19", 19, 19), {});
  CHECK_FALSE(suspects.connection_lost({sent_message("a19", 19, 19)}, {}));
  CHECK_FALSE(suspects.one_at_a_time());
  CHECK_FALSE(suspects.connection_lost({sent_message("a19", 20, 20)}, {}));  // another set on the topic
  CHECK(suspects.one_at_a_time());
}

TEST_CASE("of a packet that is too large without a name the largest in flight is taken for it") {
  CHECK_FALSE(CloseSuspects::largest({}));
  const auto largest = CloseSuspects::largest(
      {sent_message("a", 1, 1, {}, 50), sent_message("b", 2, 9, {}, 5000), sent_message("c", 3, 3, {}, 70)});
  REQUIRE(largest);
  CHECK(*largest->subject == "b");
}
