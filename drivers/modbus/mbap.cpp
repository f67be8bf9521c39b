#include "drivers/modbus/mbap.h"

namespace flopwatt::modbus {
namespace {

constexpr std::uint8_t high(std::uint16_t value) { return static_cast<std::uint8_t>(value >> 8); }
constexpr std::uint8_t low(std::uint16_t value) { return static_cast<std::uint8_t>(value); }

constexpr std::uint8_t exception_bit = 0x80;

}  // namespace

RequestFrame encode(const ReadRequest& request, std::uint16_t transaction) {
  constexpr std::uint8_t length = request_size - prefix_size;
  return {high(transaction),
          low(transaction),
          0,
          0,
          0,
          length,
          request.unit,
          static_cast<std::uint8_t>(request.function),
          high(request.address),
          low(request.address),
          high(request.count),
          low(request.count)};
}

FrameHeader decode_header(std::span<const std::uint8_t, prefix_size> bytes) {
  return {big_endian_u16(bytes.subspan<0, 2>()), big_endian_u16(bytes.subspan<2, 2>()),
          big_endian_u16(bytes.subspan<4, 2>())};
}

Reply decode_reply(std::span<const std::uint8_t> frame, const ReadRequest& request, bool any_unit) {
  using Kind = Reply::Kind;
  const auto function = static_cast<std::uint8_t>(request.function);
  const std::uint8_t answered_unit = frame[6];
  const std::uint8_t answered_function = frame[7];
  if (answered_unit != request.unit && !any_unit) return {Kind::wrong_unit, answered_unit, {}};
  const std::size_t length = frame.size() - prefix_size;
  if (answered_function == (function | exception_bit) && length == exception_length)
    return {Kind::exception, frame[8], {}};
  if (answered_function != function) return {Kind::wrong_function, answered_function, {}};
  if (length < 3) return {Kind::wrong_byte_count, 0, {}};
  const std::uint8_t byte_count = frame[8];
  if (byte_count != 2 * request.count || length != answer_length(request))
    return {Kind::wrong_byte_count, byte_count, {}};
  return {Kind::registers, 0, frame.subspan(9)};
}

}  // namespace flopwatt::modbus
