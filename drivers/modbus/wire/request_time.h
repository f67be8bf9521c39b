// How long one request takes: what plans, timeouts and back-offs of a meter are computed from
// (facts: modbus, 5.1 and 5.3).
#pragma once

#include <chrono>
#include <cstdint>

#include "config/config.h"

namespace flopwatt::modbus {

/// What a request over TCP is assumed to take, from sending it to having its answer. Meters with Ethernet of
/// their own answer within 1 to 20 ms; a gateway to a serial line takes what that line takes.
inline constexpr std::chrono::milliseconds assumed_latency{10};

/// How long a meter on a serial line thinks before its first byte, as its planned cycle assumes: 5 to 50 ms
/// were seen, 40 ms is what makers of slow ones call typical.
inline constexpr std::chrono::milliseconds assumed_serial_latency{40};

/// A USB adapter may hold bytes back for 16 ms.
inline constexpr std::chrono::milliseconds adapter_latency{16};

/// Request and answer of `count` registers on a serial line, without the meter's latency:
///   t35 + (8 + 5 + 2 count) * bits / baud + t35
/// with `bits` of one character and t35 = frame_silence().
[[nodiscard]] std::chrono::microseconds exchange_time(const SerialSettings& settings, std::uint16_t count);

/// How long to wait for the answer: as configured; where nothing is, on a serial line also for the bytes.
[[nodiscard]] std::chrono::microseconds answer_timeout(const MeterConfig& meter, std::uint16_t count);

/// How long an answer is waited for that is not expected to come: the exchange, the assumed latencies, or
/// twice `slowest`, the longest that this meter needed lately; never above answer_timeout(). What is behind a
/// TCP address is unknown: it may be a line of 9600 baud. `slowest` 0: it has not answered yet, and what it
/// needs is not known; then answer_timeout().
[[nodiscard]] std::chrono::microseconds short_timeout(const MeterConfig& meter, std::uint16_t count,
                                                      std::chrono::microseconds slowest);

}  // namespace flopwatt::modbus
