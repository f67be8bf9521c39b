// What the arguments of `flopwatt probe` ask for. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/yaml/parse_values.h"

namespace flopwatt::commands {

/// As written on the command line; "" where it was not given.
struct ProbeArguments {
  std::string address{};
  std::string unit_id{};
  std::string timeout{};
  std::string baud{}, parity{}, stop_bits{};
};

struct ProbePlan {
  ModbusAddress address;
  std::vector<std::uint8_t> units;       ///< in the order in which they are asked, none twice
  bool first_only = false;               ///< no further one once a unit has answered
  std::vector<SerialSettings> settings;  ///< tried in turn until a unit answers; one where there is no line
  microseconds timeout{};                ///< without the time that bytes take on a serial line

  /// What a silent unit costs.
  [[nodiscard]] microseconds silence() const;
  /// If none answers.
  [[nodiscard]] microseconds longest_silence() const;
};

[[nodiscard]] Parsed<ProbePlan> plan_probe(const ProbeArguments& arguments);

/// "7", "1-247", "1,2,200-203". On a serial line 1 to 247: 0 is for all units at once, which must not be
/// read.
[[nodiscard]] Parsed<std::vector<std::uint8_t>> parse_units(std::string_view text, Transport transport);

}  // namespace flopwatt::commands
