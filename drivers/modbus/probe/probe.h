// Finding out what a unit on a bus is: SunSpec, then identification registers, then plausible values. Reads
// only. Facts: modbus, sections 3 and 10.
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
  /// Of a serial line: the time that request and answer need on it is added to `read.timeout`.
  std::optional<SerialSettings> line{};
  /// A unit that answers is asked for at most so long; what was found until then holds.
  std::chrono::steady_clock::duration unit_limit = std::chrono::seconds(60);
  /// Told what is asked now: "SunSpec", "identification". May be empty.
  std::function<void(std::string_view)> on_stage{};
};

struct ProbedUnit {
  std::uint8_t unit = 1;
  bool answers = false;            ///< anything, be it an exception of its own
  std::string silence;             ///< where it does not: what came back instead
  bool connection_lost = false;    ///< that is: the connection, which had been there
  std::vector<ProbeMatch> found;   ///< best first; with SunSpec one for each meter that the unit has
  std::string note;                ///< on all of `found`, "" = none
  std::vector<std::string> hints;  ///< what the operator should look at, a sentence each
};

/// Asks one unit, against `profiles` (without `sunspec`). A unit that is not there costs one short timeout. A
/// fault only where there is no connection, and has never been one, or it is lost while the unit answers.
/// Throws only when cancelled.
boost::asio::awaitable<Result<ProbedUnit>> probe_unit(Connection& connection, std::uint8_t unit,
                                                      std::span<const MeterProfile> profiles,
                                                      const ProbeOptions& options);

}  // namespace flopwatt::modbus
