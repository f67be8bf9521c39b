// How long one request takes; plans, timeouts and back-offs of a meter are computed from it (facts: modbus,
// 5.1 and 5.3). Pure.
#pragma once

#include <chrono>
#include <cstdint>

#include "config/config.h"

namespace flopwatt::modbus {

/// Assumed time of a request over TCP, from sending it to having its answer. Meters with an Ethernet port
/// answer within 1 to 20 ms; a gateway to a serial line needs the time of that line.
inline constexpr std::chrono::milliseconds assumed_latency{10};

/// Assumed time of a meter on a serial line before the first byte of its answer. 5 to 50 ms were seen; makers
/// of slow meters call 40 ms typical.
inline constexpr std::chrono::milliseconds assumed_serial_latency{40};

/// How long a USB adapter may hold bytes back.
inline constexpr std::chrono::milliseconds adapter_latency{16};

/// Time of request and answer of `count` registers on a serial line, without the meter's latency:
///   t35 + (8 + 5 + 2 count) * bits / baud + t35
/// with `bits` of one character and t35 = frame_silence().
[[nodiscard]] std::chrono::microseconds exchange_time(const SerialSettings& settings, std::uint16_t count);

/// How long to wait for an answer: the configured timeout. Where none is configured, exchange_time() is added
/// on a serial line.
[[nodiscard]] std::chrono::microseconds answer_timeout(const MeterConfig& meter, std::uint16_t count);

/// How long to wait for an answer that is not expected to come: the exchange and the assumed latencies, or
/// twice `slowest` where that is longer, and never more than answer_timeout(). `slowest`: the longest time
/// that this meter needed lately; 0 where it has not answered yet, and then the result is answer_timeout().
/// Behind a TCP address a line of 9600 baud is assumed.
[[nodiscard]] std::chrono::microseconds short_timeout(const MeterConfig& meter, std::uint16_t count,
                                                      std::chrono::microseconds slowest);

}  // namespace flopwatt::modbus
