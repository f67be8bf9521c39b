#include "drivers/modbus/wire/mbap.h"

#include <algorithm>

namespace flopwatt::modbus {
namespace {

constexpr std::uint8_t high(std::uint16_t value) { return static_cast<std::uint8_t>(value >> 8); }
constexpr std::uint8_t low(std::uint16_t value) { return static_cast<std::uint8_t>(value); }

}  // namespace

RequestBody encode_body(const ReadRequest& request) {
  // Whatever the request says, nothing but a read goes out.
  const std::uint8_t function = request.function == ReadFunction::input_registers ? 4 : 3;
  return {request.unit,        function,          high(request.address), low(request.address),
          high(request.count), low(request.count)};
}

RequestFrame encode(const ReadRequest& request, std::uint16_t transaction) {
  const RequestBody body = encode_body(request);
  RequestFrame frame = {high(transaction), low(transaction), 0, 0, 0, body.size()};
  std::ranges::copy(body, frame.begin() + prefix_size);
  return frame;
}

FrameHeader decode_header(std::span<const std::uint8_t, prefix_size> bytes) {
  return {big_endian_u16(bytes.subspan<0, 2>()), big_endian_u16(bytes.subspan<2, 2>()),
          big_endian_u16(bytes.subspan<4, 2>())};
}

std::string mismatch(const Reply& reply, const ReadRequest& request) {
  const std::string code = std::to_string(reply.code);
  if (reply.kind == Reply::Kind::wrong_unit) return "the answer comes from unit " + code;
  if (reply.kind == Reply::Kind::wrong_function) return "the answer is to function " + code;
  return "the answer holds " + code + " bytes of registers where " + std::to_string(2 * request.count) +
         " were asked for";
}

Reply decode_body(std::span<const std::uint8_t> body, const ReadRequest& request, bool any_unit) {
  using Kind = Reply::Kind;
  const auto function = static_cast<std::uint8_t>(request.function);
  const std::uint8_t answered_unit = body[0];
  const std::uint8_t answered_function = body[1];
  if (answered_unit != request.unit && !any_unit) return {Kind::wrong_unit, answered_unit, {}};
  if (answered_function == (function | exception_bit) && body.size() == exception_length)
    return {Kind::exception, body[2], {}};
  if (answered_function != function) return {Kind::wrong_function, answered_function, {}};
  if (body.size() < 3) return {Kind::wrong_byte_count, 0, {}};
  const std::uint8_t byte_count = body[2];
  if (byte_count != 2 * request.count || body.size() != answer_length(request))
    return {Kind::wrong_byte_count, byte_count, {}};
  return {Kind::registers, 0, body.subspan(3)};
}

Reply decode_reply(std::span<const std::uint8_t> frame, const ReadRequest& request, bool any_unit) {
  return decode_body(frame.subspan(prefix_size), request, any_unit);
}

}  // namespace flopwatt::modbus
