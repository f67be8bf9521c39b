// How long bytes take on a serial line. Used to plan its cycle, and for the default of its timeout.
#pragma once

#include <chrono>
#include <cstddef>

#include "config/config.h"

namespace flopwatt {

/// One character on the line: a start bit, 8 data bits, a parity bit where there is one, the stop bits.
[[nodiscard]] constexpr unsigned bits_per_character(const SerialSettings& settings) {
  return 9U + (settings.parity == Parity::none ? 0U : 1U) + settings.stop_bits;
}

[[nodiscard]] constexpr microseconds wire_time(const SerialSettings& settings, std::size_t bytes) {
  return microseconds(1'000'000 * bytes * bits_per_character(settings) / settings.baud);
}

/// How long a line is silent between two frames: 3.5 characters of 11 bits, above 19200 baud 1.75 ms (MODBUS
/// over Serial Line V1.02, 2.5.1.1).
[[nodiscard]] constexpr microseconds frame_silence(const SerialSettings& settings) {
  constexpr std::uint32_t fixed_above = 19200;
  return microseconds(settings.baud > fixed_above ? 1750 : 38'500'000 / settings.baud);
}

}  // namespace flopwatt
