// Modbus TCP frames: bytes <-> meaning, nothing else (MODBUS Messaging on TCP/IP Implementation Guide
// V1.0b, 3.1.3; MODBUS Application Protocol V1.1b3, 4.1, 6.3, 6.4, 7). All numbers on the wire are
// big-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace flopwatt::modbus {

/// The functions that this program can ask for. There is no other: a request that changes a device cannot be
/// made.
enum class ReadFunction : std::uint8_t { holding_registers = 3, input_registers = 4 };

inline constexpr std::uint16_t max_registers_per_request = 125;

/// One request: `count` registers (1 to 125) from the 0-based `address` of one unit.
struct ReadRequest {
  std::uint8_t unit = 1;
  ReadFunction function = ReadFunction::holding_registers;
  std::uint16_t address = 0;
  std::uint16_t count = 1;
};

inline constexpr std::size_t header_size = 7;    ///< transaction, protocol, length, unit
inline constexpr std::size_t request_size = 12;  ///< header, function, address, count
inline constexpr std::size_t max_frame_size = 260;

/// The length field counts unit id and PDU: at least unit and function, at most unit and 253 bytes.
inline constexpr std::uint16_t min_length = 2;
inline constexpr std::uint16_t max_length = 254;

using RequestFrame = std::array<std::uint8_t, request_size>;

/// What a request is on every transport: unit, function, address, count.
using RequestBody = std::array<std::uint8_t, 6>;

[[nodiscard]] RequestBody encode_body(const ReadRequest& request);

[[nodiscard]] RequestFrame encode(const ReadRequest& request, std::uint16_t transaction);

[[nodiscard]] constexpr std::uint16_t big_endian_u16(std::span<const std::uint8_t, 2> bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

/// Length field of the good answer to `request`: unit, function, byte count, 2 bytes a register.
[[nodiscard]] constexpr std::uint16_t answer_length(const ReadRequest& request) {
  return static_cast<std::uint16_t>(3 + 2 * request.count);
}

/// What the function of an exception differs by from that of the request.
inline constexpr std::uint8_t exception_bit = 0x80;

/// Length field of an exception: unit, function | 0x80, code.
inline constexpr std::uint16_t exception_length = 3;

/// The header of what came in, as far as it is judged by itself.
struct FrameHeader {
  std::uint16_t transaction = 0;
  std::uint16_t protocol = 0;  ///< 0 is Modbus
  std::uint16_t length = 0;

  [[nodiscard]] bool is_modbus() const {
    return protocol == 0 && length >= min_length && length <= max_length;
  }
  /// Of the whole frame, this header included.
  [[nodiscard]] std::size_t frame_size() const { return header_size - 1 + length; }
};

/// Bytes of transaction, protocol and length: what tells how long the frame is.
inline constexpr std::size_t prefix_size = 6;

[[nodiscard]] FrameHeader decode_header(std::span<const std::uint8_t, prefix_size> bytes);

/// What a frame says when it is held against the request that it should answer.
struct Reply {
  enum class Kind : std::uint8_t {
    registers,         ///< `registers` holds 2 bytes for each register asked for
    exception,         ///< the device refuses: `code`
    wrong_unit,        ///< another unit answers: `code` is its id
    wrong_function,    ///< answers another function: `code` is that
    wrong_byte_count,  ///< byte count or length do not fit the request: `code` is the byte count
  };
  Kind kind = Kind::registers;
  std::uint8_t code = 0;
  std::span<const std::uint8_t> registers;  ///< into the frame
};

/// Why a reply of the last three kinds is no answer to `request`: "the answer comes from unit 7".
[[nodiscard]] std::string mismatch(const Reply& reply, const ReadRequest& request);

/// `body` is what a whole frame holds on every transport: unit id and PDU, at least 2 bytes. With `any_unit`
/// the answering unit id is not compared.
[[nodiscard]] Reply decode_body(std::span<const std::uint8_t> body, const ReadRequest& request,
                                bool any_unit);

/// The same of a frame over TCP, header included: its size is what its header says.
[[nodiscard]] Reply decode_reply(std::span<const std::uint8_t> frame, const ReadRequest& request,
                                 bool any_unit);

}  // namespace flopwatt::modbus
