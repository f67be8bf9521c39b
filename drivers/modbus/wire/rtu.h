// Modbus RTU frames: encodes requests, decodes answers (MODBUS over Serial Line V1.02, 2.5.1). The bytes from
// unit id to checksum are those of TCP: see mbap.h. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "drivers/modbus/wire/mbap.h"

namespace flopwatt::modbus {

inline constexpr std::size_t rtu_request_size = 8;  ///< unit, function, address, count, checksum
inline constexpr std::size_t max_rtu_frame_size = 256;
inline constexpr std::size_t checksum_size = 2;

using RtuRequestFrame = std::array<std::uint8_t, rtu_request_size>;

[[nodiscard]] RtuRequestFrame encode_rtu(const ReadRequest& request);

/// Size of the answer to `request`: unit, function, byte count, 2 bytes for each register, checksum.
[[nodiscard]] constexpr std::size_t rtu_answer_size(const ReadRequest& request) {
  return answer_length(request) + checksum_size;
}

/// Size of an exception: unit, function | 0x80, code, checksum.
inline constexpr std::size_t rtu_exception_size = exception_length + checksum_size;

/// CRC-16: polynomial 0x8005 reflected, from 0xFFFF. The low byte goes first.
[[nodiscard]] std::uint16_t checksum(std::span<const std::uint8_t> bytes);

/// Whether the last two bytes are the checksum of the bytes before them.
[[nodiscard]] bool has_good_checksum(std::span<const std::uint8_t> frame);

/// As decode_body(), of a whole frame whose checksum is good.
[[nodiscard]] Reply decode_rtu_reply(std::span<const std::uint8_t> frame, const ReadRequest& request);

}  // namespace flopwatt::modbus
