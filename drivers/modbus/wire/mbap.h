// Modbus TCP frames: encodes requests, decodes answers (MODBUS Messaging on TCP/IP Implementation Guide
// V1.0b, 3.1.3; MODBUS Application Protocol V1.1b3, 4.1, 6.3, 6.4, 7). Numbers on the wire are big-endian.
// Pure: nothing here knows a socket.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace flopwatt::modbus {

/// The functions of all requests that this program can make. None of them changes a device.
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

/// The length field counts unit id and PDU: at least unit id and function, at most unit id and 253 bytes.
inline constexpr std::uint16_t min_length = 2;
inline constexpr std::uint16_t max_length = 254;

using RequestFrame = std::array<std::uint8_t, request_size>;

/// The part of a request that is the same on every transport: unit, function, address, count.
using RequestBody = std::array<std::uint8_t, 6>;

[[nodiscard]] RequestBody encode_body(const ReadRequest& request);

[[nodiscard]] RequestFrame encode(const ReadRequest& request, std::uint16_t transaction);

[[nodiscard]] constexpr std::uint16_t big_endian_u16(std::span<const std::uint8_t, 2> bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

/// Length field of the answer to `request`: unit, function, byte count, 2 bytes for each register.
[[nodiscard]] constexpr std::uint16_t answer_length(const ReadRequest& request) {
  return static_cast<std::uint16_t>(3 + 2 * request.count);
}

/// Set in the function of an exception.
inline constexpr std::uint8_t exception_bit = 0x80;

/// Length field of an exception: unit, function | 0x80, code.
inline constexpr std::uint16_t exception_length = 3;

/// The header of a frame that came in, without its unit id.
struct FrameHeader {
  std::uint16_t transaction = 0;
  /// The protocol identifier; Modbus has 0.
  std::uint16_t protocol = 0;
  std::uint16_t length = 0;

  [[nodiscard]] bool is_modbus() const {
    return protocol == 0 && length >= min_length && length <= max_length;
  }
  /// Size of the whole frame in bytes, header included.
  [[nodiscard]] std::size_t frame_size() const { return header_size - 1 + length; }
};

/// Size of transaction, protocol and length: with these bytes the size of the frame is known.
inline constexpr std::size_t prefix_size = 6;

[[nodiscard]] FrameHeader decode_header(std::span<const std::uint8_t, prefix_size> bytes);

/// What a frame means as an answer to a request.
struct Reply {
  enum class Kind : std::uint8_t {
    registers,         ///< `registers` holds 2 bytes for each register asked for
    exception,         ///< the device or a gateway refuses: `code`, see exceptions.h
    wrong_unit,        ///< another unit answers: `code` is its id
    wrong_function,    ///< the answer has another function: `code` is that function
    wrong_byte_count,  ///< byte count or length do not fit the request: `code` is the byte count
  };
  Kind kind = Kind::registers;
  std::uint8_t code = 0;
  /// Points into the frame that was decoded, and is valid as long as that frame.
  std::span<const std::uint8_t> registers;
};

/// Why a reply of one of the last three kinds is no answer to `request`: "the answer comes from unit 7".
[[nodiscard]] std::string mismatch(const Reply& reply, const ReadRequest& request);

/// `body`: unit id and PDU of a whole frame, at least 2 bytes; the same on every transport. With `any_unit`
/// the unit id of the answer is not compared.
[[nodiscard]] Reply decode_body(std::span<const std::uint8_t> body, const ReadRequest& request,
                                bool any_unit);

/// As decode_body(), of a whole frame over TCP: its size is that in its header.
[[nodiscard]] Reply decode_reply(std::span<const std::uint8_t> frame, const ReadRequest& request,
                                 bool any_unit);

}  // namespace flopwatt::modbus
