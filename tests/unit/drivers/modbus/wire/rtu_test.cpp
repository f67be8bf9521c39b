#include "drivers/modbus/wire/rtu.h"

#include <doctest/doctest.h>

#include "drivers/modbus/wire/rtu_conversation.h"
#include "rtu_frames.h"

using namespace flopwatt;
using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;
using Verdict = RtuConversation::Verdict;

namespace {

struct Talk {
  RtuConversation conversation;
  ReadRequest request{7, ReadFunction::input_registers, 0x0102, 2};

  Talk() { ask(); }
  void ask() { CHECK(conversation.ask(request).size() == 8); }
  Verdict hear(const Bytes& bytes) {
    const auto space = conversation.space();
    REQUIRE(space.size() >= bytes.size());
    std::ranges::copy(bytes, space.begin());
    return conversation.received(bytes.size());
  }
};

}  // namespace

TEST_CASE("a request as the specification writes it") {
  const auto frame = encode_rtu({1, ReadFunction::holding_registers, 0, 10});
  CHECK(Bytes(frame.begin(), frame.end()) == Bytes{0x01, 0x03, 0x00, 0x00, 0x00, 0x0A, 0xC5, 0xCD});
  const auto other = encode_rtu({0x11, ReadFunction::input_registers, 0x006B, 3});
  CHECK(Bytes(other.begin(), other.end()) == rtu_frame({0x11, 4, 0, 0x6B, 0, 3}));
  CHECK_FALSE(has_good_checksum(Bytes{0x01}));
}

TEST_CASE("an answer, in whatever pieces") {
  Talk talk;
  const Bytes bytes = rtu_answer(7, 4, {0xABCD, 0x0001});
  std::size_t piece = 1;
  SUBCASE("a byte at a time") {}
  SUBCASE("at once") { piece = bytes.size(); }
  SUBCASE("threes") { piece = 3; }
  Verdict verdict = Verdict::waiting;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    CHECK(verdict == Verdict::waiting);
    verdict = talk.hear({bytes.begin() + static_cast<int>(at),
                         bytes.begin() + static_cast<int>(std::min(at + piece, bytes.size()))});
  }
  CHECK(verdict == Verdict::registers);
  const auto registers = talk.conversation.registers();
  CHECK(Bytes(registers.begin(), registers.end()) == Bytes{0xAB, 0xCD, 0, 1});
}

TEST_CASE("the longest answer") {
  Talk talk;
  talk.request.count = 125;
  talk.ask();
  CHECK(talk.hear(rtu_answer(7, 4, std::vector<std::uint16_t>(125, 5))) == Verdict::registers);
  CHECK(talk.conversation.registers().size() == 250);
}

TEST_CASE("an exception") {
  Talk talk;
  CHECK(talk.hear(rtu_exception(7, 4, 200)) == Verdict::exception);
  CHECK(talk.conversation.exception_code() == 200);
}

TEST_CASE("what is not the whole answer is doubt") {
  Talk talk;
  Bytes bytes = rtu_answer(7, 4, {1, 2});
  FaultClass fault = FaultClass::protocol;
  SUBCASE("another unit") { bytes = rtu_answer(8, 4, {1, 2}); }
  SUBCASE("another function") { bytes = rtu_answer(7, 3, {1, 2}); }
  SUBCASE("more registers") { bytes = rtu_answer(7, 4, {1, 2, 3}); }
  SUBCASE("fewer registers") { bytes = rtu_answer(7, 4, {1}); }
  SUBCASE("noise before") { bytes = Bytes{0} + bytes; }
  SUBCASE("bytes after") { bytes.push_back(0); }
  SUBCASE("an answer over TCP") { bytes = answer(1, 7, 4, {1, 2}); }
  SUBCASE("a bit is wrong") {
    bytes[4] ^= 0x10;
    fault = FaultClass::crc;
  }
  SUBCASE("an exception's bit is wrong") {
    bytes = rtu_exception(7, 4, 2);
    bytes[2] ^= 1;
    fault = FaultClass::crc;
  }
  CHECK(talk.hear(bytes) == Verdict::doubt);
  CHECK(talk.conversation.doubt_class() == fault);
  CHECK_FALSE(talk.conversation.doubt().empty());
  CHECK(talk.conversation.registers().empty());
}

TEST_CASE("a request that is given up closes the connection") {
  Talk talk;
  CHECK_FALSE(talk.conversation.has_begun());
  CHECK(talk.hear({7, 4}) == Verdict::waiting);
  CHECK(talk.conversation.has_begun());
  CHECK_FALSE(talk.conversation.give_up());
  talk.ask();
  CHECK(talk.hear(rtu_answer(7, 4, {3, 4})) == Verdict::registers);
}
