// Rates of serial lines, and the time that bytes take on them. For a line's planned cycle and the
// default of its timeout.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "config/profiles/meter_profile.h"

namespace flopwatt {

/// The rates that serial ports can be set to.
inline constexpr auto standard_bauds = std::to_array<std::int64_t>(
    {300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600});

/// One character on the line: a start bit, 8 data bits, a parity bit where there is one, the stop bits.
[[nodiscard]] constexpr unsigned bits_per_character(const SerialSettings& settings) {
  return 9U + (settings.parity == Parity::none ? 0U : 1U) + settings.stop_bits;
}

[[nodiscard]] constexpr microseconds wire_time(const SerialSettings& settings, std::size_t bytes) {
  return microseconds(1'000'000 * bytes * bits_per_character(settings) / settings.baud);
}

/// Silence between two frames: 3.5 characters of 11 bits; above 19200 baud 1.75 ms (MODBUS over
/// Serial Line V1.02, 2.5.1.1).
[[nodiscard]] constexpr microseconds frame_silence(const SerialSettings& settings) {
  constexpr std::uint32_t fixed_above = 19200;
  return microseconds(settings.baud > fixed_above ? 1750 : 38'500'000 / settings.baud);
}

}  // namespace flopwatt
