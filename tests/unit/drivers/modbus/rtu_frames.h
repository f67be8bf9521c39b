// Modbus RTU frames written by hand, with a checksum that is computed bit by bit; independent of
// drivers/modbus.
#pragma once

#include <cstdint>
#include <vector>

#include "frames.h"

namespace flopwatt::modbus_test {

/// `body` and its checksum, low byte first.
inline Bytes rtu_frame(Bytes body) {
  unsigned sum = 0xFFFF;
  for (const std::uint8_t byte : body) {
    sum ^= byte;
    for (int bit = 0; bit < 8; ++bit) sum = (sum & 1) != 0 ? sum >> 1 ^ 0xA001 : sum >> 1;
  }
  body.push_back(static_cast<std::uint8_t>(sum));
  body.push_back(static_cast<std::uint8_t>(sum >> 8));
  return body;
}

inline Bytes rtu_answer(std::uint8_t unit, std::uint8_t function,
                        const std::vector<std::uint16_t>& registers) {
  const Bytes framed = answer(0, unit, function, registers);
  return rtu_frame({framed.begin() + 6, framed.end()});
}

inline Bytes rtu_exception(std::uint8_t unit, std::uint8_t function, std::uint8_t code) {
  return rtu_frame({unit, static_cast<std::uint8_t>(function | 0x80), code});
}

}  // namespace flopwatt::modbus_test
