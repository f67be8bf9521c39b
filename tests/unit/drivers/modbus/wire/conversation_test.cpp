#include "drivers/modbus/wire/conversation.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "frames.h"

using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;
using Verdict = Conversation::Verdict;

namespace {

// A conversation with unit 1, two holding registers a request. Ids count from 1.
struct Fixture {
  Conversation conversation;
  const ReadRequest request{1, ReadFunction::holding_registers, 100, 2};

  unsigned ask(bool any_unit = false) {
    const RequestFrame bytes = conversation.ask(request, any_unit);
    return static_cast<unsigned>(bytes[0] << 8 | bytes[1]);
  }

  Verdict hear(const Bytes& bytes) {
    const auto space = conversation.space();
    REQUIRE(space.size() >= bytes.size());
    std::ranges::copy(bytes, space.begin());
    return conversation.received(bytes.size());
  }

  /// One read a byte; the verdict of the last one. All before must be `waiting`.
  Verdict hear_dripping(const Bytes& bytes) {
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) REQUIRE(hear({bytes[i]}) == Verdict::waiting);
    return hear({bytes.back()});
  }

  /// The two registers of the answer as one number.
  unsigned long value() const {
    const auto bytes = conversation.registers();
    REQUIRE(bytes.size() == 4);
    unsigned long number = 0;
    for (const auto byte : bytes) number = number << 8 | byte;
    return number;
  }

  bool doubt_tells(const std::string& part) const {
    return conversation.doubt().find(part) != std::string::npos;
  }
};

Bytes good(unsigned transaction, std::uint16_t low_word = 7) {
  return answer(transaction, 1, 3, {0, low_word});
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the answer in one piece") {
  const unsigned id = ask();
  CHECK(hear(good(id)) == Verdict::registers);
  CHECK(value() == 7);
}

TEST_CASE_FIXTURE(Fixture, "the answer a byte at a time") {
  const unsigned id = ask();
  CHECK(hear_dripping(good(id)) == Verdict::registers);
  CHECK(value() == 7);
}

TEST_CASE_FIXTURE(Fixture, "an exception answers") {
  const unsigned id = ask();
  CHECK(hear_dripping(exception(id, 1, 3, 6)) == Verdict::exception);
  CHECK(conversation.exception_code() == 6);
}

TEST_CASE_FIXTURE(Fixture, "every request has an id of its own, and none is 0") {
  bool zero = false, repeated = false;
  unsigned last = 0;
  for (int i = 0; i < 70'000; ++i) {
    const unsigned id = ask();
    zero |= id == 0;
    repeated |= id == last;
    last = id;
    REQUIRE(hear(good(id)) == Verdict::registers);
  }
  CHECK_FALSE(zero);
  CHECK_FALSE(repeated);
}

TEST_CASE_FIXTURE(Fixture, "a late answer is dropped and never becomes the next value") {
  const unsigned first = ask();
  REQUIRE(conversation.give_up());
  const unsigned second = ask();
  CHECK(hear(good(first, 111)) == Verdict::waiting);
  CHECK(hear(good(second, 222)) == Verdict::registers);
  CHECK(value() == 222);

  SUBCASE("and the conversation goes on") {
    CHECK(hear(good(ask(), 333)) == Verdict::registers);
    CHECK(value() == 333);
  }
  SUBCASE("but once only") {
    ask();
    CHECK(hear(good(first, 111)) == Verdict::doubt);
  }
}

TEST_CASE_FIXTURE(Fixture, "late answers together with the answer") {
  const unsigned first = ask();
  REQUIRE(conversation.give_up());
  const unsigned second = ask();
  SUBCASE("before it") { CHECK(hear(good(first, 111) + good(second, 222)) == Verdict::registers); }
  SUBCASE("behind it") { CHECK(hear(good(second, 222) + good(first, 111)) == Verdict::registers); }
  SUBCASE("a part of it behind it") {
    const Bytes late = good(first, 111);
    CHECK(hear(good(second, 222) + Bytes(late.begin(), late.begin() + 5)) == Verdict::registers);
    CHECK(value() == 222);
    const unsigned third = ask();
    CHECK(hear(Bytes(late.begin() + 5, late.end()) + good(third, 222)) == Verdict::registers);
  }
  SUBCASE("as an exception") {
    CHECK(hear(exception(first, 1, 3, 11) + good(second, 222)) == Verdict::registers);
  }
  CHECK(value() == 222);
}

TEST_CASE_FIXTURE(Fixture, "a late answer has the length that its own request asked for") {
  const unsigned first = ask();
  REQUIRE(conversation.give_up());
  ask();
  CHECK(hear(answer(first, 1, 3, {1, 2, 3})) == Verdict::doubt);
}

TEST_CASE_FIXTURE(Fixture, "an id that was never asked with is doubt") {
  const unsigned id = ask();
  SUBCASE("newer") { CHECK(hear(good(id + 1)) == Verdict::doubt); }
  SUBCASE("0, as from a device that does not echo ids") { CHECK(hear(good(0)) == Verdict::doubt); }
  SUBCASE("older, but answered already") {
    REQUIRE(hear(good(id)) == Verdict::registers);
    ask();
    CHECK(hear(good(id)) == Verdict::doubt);
  }
  CHECK(doubt_tells("transaction id"));
}

TEST_CASE_FIXTURE(Fixture, "a header that is none is doubt as soon as it is there") {
  const auto id = static_cast<std::uint8_t>(ask());
  SUBCASE("protocol id") { CHECK(hear_dripping({0, id, 0, 1, 0, 7}) == Verdict::doubt); }
  SUBCASE("length 0xFFFF") { CHECK(hear_dripping({0, id, 0, 0, 0xFF, 0xFF}) == Verdict::doubt); }
  SUBCASE("length 255") { CHECK(hear_dripping({0, id, 0, 0, 0, 255}) == Verdict::doubt); }
  SUBCASE("length 1") { CHECK(hear_dripping({0, id, 0, 0, 0, 1}) == Verdict::doubt); }
  SUBCASE("length 0") { CHECK(hear_dripping({0, id, 0, 0, 0, 0}) == Verdict::doubt); }
  CHECK(doubt_tells("no Modbus TCP frame"));
}

TEST_CASE_FIXTURE(Fixture, "a length that does not fit the request is doubt without waiting for the bytes") {
  const auto id = static_cast<std::uint8_t>(ask());
  SUBCASE("too long") { CHECK(hear({0, id, 0, 0, 0, 254}) == Verdict::doubt); }
  SUBCASE("too short") { CHECK(hear({0, id, 0, 0, 0, 6}) == Verdict::doubt); }
  CHECK(doubt_tells("bytes long where 7 were expected"));
}

TEST_CASE_FIXTURE(Fixture, "an answer that is not to the question is doubt") {
  const unsigned id = ask();
  SUBCASE("unit") {
    CHECK(hear(answer(id, 77, 3, {0, 7})) == Verdict::doubt);
    CHECK(doubt_tells("unit 77"));
  }
  SUBCASE("function") {
    CHECK(hear(answer(id, 1, 4, {0, 7})) == Verdict::doubt);
    CHECK(doubt_tells("function 4"));
  }
  SUBCASE("byte count") {
    CHECK(hear(frame(id, {1, 3, 2, 0, 7, 0, 0})) == Verdict::doubt);
    CHECK(doubt_tells("2 bytes of registers where 4"));
  }
  SUBCASE("exception of another function") { CHECK(hear(exception(id, 1, 4, 2)) == Verdict::doubt); }
  CHECK(conversation.registers().empty());
}

TEST_CASE_FIXTURE(Fixture, "another unit is taken where that is configured") {
  const unsigned id = ask(true);
  CHECK(hear(answer(id, 77, 3, {0, 7})) == Verdict::registers);
}

TEST_CASE_FIXTURE(Fixture, "bytes behind the answer are doubt, and so is the answer") {
  const unsigned id = ask();
  SUBCASE("a few") { CHECK(hear(good(id) + Bytes{0, 0, 0}) == Verdict::doubt); }
  SUBCASE("the answer twice") { CHECK(hear(good(id) + good(id)) == Verdict::doubt); }
  SUBCASE("what looks like the next answer") { CHECK(hear(good(id) + good(id + 1)) == Verdict::doubt); }
  CHECK(conversation.registers().empty());
}

TEST_CASE_FIXTURE(Fixture, "bytes that come between two requests are doubt with the next answer") {
  REQUIRE(hear(good(ask())) == Verdict::registers);
  const unsigned id = ask();
  CHECK(hear(Bytes{0, 0, 0} + good(id)) == Verdict::doubt);
}

TEST_CASE_FIXTURE(Fixture, "giving up in the middle of a frame leaves no way to go on") {
  const Bytes bytes = good(ask());
  REQUIRE(hear(Bytes(bytes.begin(), bytes.begin() + 8)) == Verdict::waiting);
  CHECK_FALSE(conversation.give_up());
  conversation.restart();
  CHECK(hear(good(ask(), 9)) == Verdict::registers);
  CHECK(value() == 9);
}

TEST_CASE_FIXTURE(Fixture, "a new connection owes no late answers") {
  const unsigned first = ask();
  REQUIRE(conversation.give_up());
  conversation.restart();
  ask();
  CHECK(hear(good(first)) == Verdict::doubt);
}

TEST_CASE_FIXTURE(Fixture, "a bounded number of late answers is remembered, the newest") {
  std::vector<unsigned> given_up;
  for (int i = 0; i < 17; ++i) {
    given_up.push_back(ask());
    REQUIRE(conversation.give_up());
  }
  const unsigned id = ask();
  for (std::size_t i = 1; i < given_up.size(); ++i) CHECK(hear(good(given_up[i])) == Verdict::waiting);
  SUBCASE("") { CHECK(hear(good(id)) == Verdict::registers); }
  SUBCASE("") { CHECK(hear(good(given_up[0])) == Verdict::doubt); }
}

TEST_CASE_FIXTURE(Fixture, "an id that comes round again belongs to the new request") {
  const unsigned old = ask();
  REQUIRE(conversation.give_up());
  unsigned id = 0;
  while ((id = ask()) != old) REQUIRE(hear(good(id)) == Verdict::registers);
  CHECK(hear(good(id, 9)) == Verdict::registers);
  ask();
  CHECK(hear(good(old)) == Verdict::doubt);
}
