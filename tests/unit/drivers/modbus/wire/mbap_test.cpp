#include "drivers/modbus/wire/mbap.h"

#include <doctest/doctest.h>

#include "frames.h"

using namespace flopwatt::modbus;
using namespace flopwatt::modbus_test;

namespace {

// Two input registers from address 0x0BF3 of unit 3.
const ReadRequest two_registers{3, ReadFunction::input_registers, 0x0BF3, 2};

Reply judged(const Bytes& bytes, bool any_unit = false) {
  return decode_reply(bytes, two_registers, any_unit);
}

}  // namespace

TEST_CASE("a request is twelve bytes, big-endian") {
  const RequestFrame bytes = encode({0xF7, ReadFunction::holding_registers, 0x1234, 125}, 0xABCD);
  CHECK(Bytes(bytes.begin(), bytes.end()) == Bytes{0xAB, 0xCD, 0, 0, 0, 6, 0xF7, 3, 0x12, 0x34, 0, 125});
}

TEST_CASE("only functions 3 and 4 can be asked for") {
  CHECK(static_cast<int>(ReadFunction::holding_registers) == 3);
  CHECK(static_cast<int>(ReadFunction::input_registers) == 4);
}

TEST_CASE("a header tells how long its frame is, and whether it is Modbus at all") {
  const Bytes bytes = {1, 2, 0, 0, 0, 7};
  const FrameHeader header = decode_header(std::span(bytes).first<prefix_size>());
  CHECK(header.transaction == 0x0102);
  CHECK(header.is_modbus());
  CHECK(header.frame_size() == 13);

  CHECK_FALSE(FrameHeader{1, 1, 7}.is_modbus());
  CHECK_FALSE(FrameHeader{1, 0, 1}.is_modbus());
  CHECK(FrameHeader{1, 0, 2}.is_modbus());
  CHECK(FrameHeader{1, 0, 254}.is_modbus());
  CHECK_FALSE(FrameHeader{1, 0, 255}.is_modbus());
  CHECK_FALSE(FrameHeader{1, 0, 0xFFFF}.is_modbus());
}

TEST_CASE("the answer's registers come out as they are") {
  const Bytes bytes = answer(9, 3, 4, {0x1234, 0xFFFE});
  const Reply reply = judged(bytes);
  REQUIRE(reply.kind == Reply::Kind::registers);
  CHECK(Bytes(reply.registers.begin(), reply.registers.end()) == Bytes{0x12, 0x34, 0xFF, 0xFE});
}

TEST_CASE("the longest answer is taken") {
  const ReadRequest longest{1, ReadFunction::holding_registers, 0, 125};
  const Bytes bytes = answer(1, 1, 3, std::vector<std::uint16_t>(125, 7));
  CHECK(bytes.size() == 259);
  CHECK(bytes.size() <= max_frame_size);
  CHECK(decode_reply(bytes, longest, false).kind == Reply::Kind::registers);
}

TEST_CASE("an answer of another unit is not the answer, unless that was configured") {
  const Bytes bytes = answer(9, 77, 4, {1, 2});
  CHECK(judged(bytes).kind == Reply::Kind::wrong_unit);
  CHECK(judged(bytes).code == 77);
  CHECK(judged(bytes, true).kind == Reply::Kind::registers);
  CHECK(judged(exception(9, 77, 4, 2)).kind == Reply::Kind::wrong_unit);
}

TEST_CASE("an answer to another function is not the answer") {
  CHECK(judged(answer(9, 3, 3, {1, 2})).kind == Reply::Kind::wrong_function);
  CHECK(judged(exception(9, 3, 3, 2)).kind == Reply::Kind::wrong_function);
}

TEST_CASE("the byte count is twice the registers asked for, and true") {
  CHECK(judged(answer(9, 3, 4, {1})).kind == Reply::Kind::wrong_byte_count);
  CHECK(judged(answer(9, 3, 4, {1, 2, 3})).kind == Reply::Kind::wrong_byte_count);
  CHECK(judged(frame(9, {3, 4, 4, 0, 1, 0})).kind == Reply::Kind::wrong_byte_count);
  CHECK(judged(frame(9, {3, 4, 2, 0, 1, 0, 2})).kind == Reply::Kind::wrong_byte_count);
  CHECK(judged(frame(9, {3, 4})).kind == Reply::Kind::wrong_byte_count);
}

TEST_CASE("an exception has nine bytes and a code") {
  const Bytes bytes = exception(9, 3, 4, 0x0B);
  CHECK(bytes.size() == 9);
  const Reply reply = judged(bytes);
  CHECK(reply.kind == Reply::Kind::exception);
  CHECK(reply.code == 0x0B);
  CHECK(judged(frame(9, {3, 0x84, 2, 0})).kind == Reply::Kind::wrong_function);
  CHECK(judged(frame(9, {3, 0x84})).kind == Reply::Kind::wrong_function);
}
