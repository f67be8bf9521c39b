// Modbus TCP frames written by hand, byte by byte, independent of drivers/modbus.
#pragma once

#include <cstdint>
#include <vector>

namespace flopwatt::modbus_test {

using Bytes = std::vector<std::uint8_t>;

/// Transaction, protocol 0, the true length, then `body` (unit, function, ...).
inline Bytes frame(unsigned transaction, const Bytes& body) {
  Bytes bytes = {static_cast<std::uint8_t>(transaction >> 8), static_cast<std::uint8_t>(transaction), 0, 0,
                 static_cast<std::uint8_t>(body.size() >> 8), static_cast<std::uint8_t>(body.size())};
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

/// The good answer: these registers.
inline Bytes answer(unsigned transaction, std::uint8_t unit, std::uint8_t function,
                    const std::vector<std::uint16_t>& registers) {
  Bytes body = {unit, function, static_cast<std::uint8_t>(2 * registers.size())};
  for (const std::uint16_t value : registers) {
    body.push_back(static_cast<std::uint8_t>(value >> 8));
    body.push_back(static_cast<std::uint8_t>(value));
  }
  return frame(transaction, body);
}

inline Bytes exception(unsigned transaction, std::uint8_t unit, std::uint8_t function, std::uint8_t code) {
  return frame(transaction, {unit, static_cast<std::uint8_t>(function | 0x80), code});
}

inline Bytes operator+(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace flopwatt::modbus_test
