// Arguments of `flopwatt probe` -> the plan of the scan. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml/parse_values.h"

namespace flopwatt::commands {

/// As written on the command line; "" = not given.
struct ProbeArguments {
  std::string address{};
  std::string unit_id{};
  std::string timeout{};
  std::string baud{}, parity{}, stop_bits{};
};

struct ProbePlan {
  ModbusAddress address;
  std::vector<std::uint8_t> units;       ///< in the order of asking, none twice
  bool first_only = false;               ///< ends with the first unit that answers
  std::vector<SerialSettings> settings;  ///< tried in turn until a unit answers; without a serial line one
  microseconds timeout{};                ///< without the time of the bytes on a serial line

  /// Time that a silent unit costs.
  [[nodiscard]] microseconds silence() const;
  /// Time of the scan if no unit answers.
  [[nodiscard]] microseconds longest_silence() const;
};

[[nodiscard]] Parsed<ProbePlan> plan_probe(const ProbeArguments& arguments);

/// "7", "1-247", "1,2,200-203". On a serial line 1 to 247: 0 is the broadcast, which must not be read.
[[nodiscard]] Parsed<std::vector<std::uint8_t>> parse_units(std::string_view text, Transport transport);

}  // namespace flopwatt::commands
