// Finds out what a unit on a bus is: by SunSpec, then by identification registers, then by plausible values.
// It only reads. Facts: modbus, sections 3 and 10.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/profiles/meter_profile.h"
#include "drivers/modbus/probe/rank.h"
#include "drivers/modbus/wire/connection.h"
#include "readings/result.h"

namespace flopwatt::modbus {

struct ProbeOptions {
  ReadOptions read;
  /// Where it is a serial line: exchange_time() is added to `read.timeout`.
  std::optional<SerialSettings> line{};
  /// Time limit for a unit that answers; the result is what was found until then.
  std::chrono::steady_clock::duration unit_limit = std::chrono::seconds(60);
  /// How long energy register and power of the best match are compared at most; 0: they are not.
  std::chrono::seconds compare_limit{0};
  /// Called with the name of each stage: "SunSpec", "identification". May be empty.
  std::function<void(std::string_view)> on_stage{};
};

struct ProbedUnit {
  std::uint8_t unit = 1;
  bool answers = false;            ///< with registers or with an exception of its own
  std::string silence;             ///< where it does not answer: what came back instead
  bool connection_lost = false;    ///< it does not answer, and the connection was closed
  std::vector<ProbeMatch> found;   ///< best first; of a SunSpec unit one for each meter
  std::string note;                ///< on all of `found`; "" where there is none
  std::vector<std::string> hints;  ///< what the user should look at, a sentence each
};

/// Compares one unit with SunSpec and with `profiles`, which do not contain the profile `sunspec`. A unit
/// that is not there costs one timeout. A fault: no connection could be made, or it was lost while the unit
/// was asked. Throws only when cancelled.
boost::asio::awaitable<Result<ProbedUnit>> probe_unit(Connection& connection, std::uint8_t unit,
                                                      std::span<const MeterProfile> profiles,
                                                      const ProbeOptions& options);

}  // namespace flopwatt::modbus
