// What a part of the agent shows of its own work: metric families as Prometheus knows them, and sections of
// /api/v1/status. The part that counts makes them; an exporter only writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flopwatt {

struct MetricFamily {
  enum class Type : std::uint8_t { counter, gauge };

  struct Label {
    std::string_view name;  ///< a literal
    std::string value;      ///< any text
  };
  struct Sample {
    std::vector<Label> labels;
    double value = 0;
  };

  std::string_view
      name;  ///< a literal in base units: "flopwatt_bus_busy_seconds_total"; a counter ends in _total
  std::string_view help;  ///< a literal, one sentence
  Type type = Type::gauge;
  std::vector<Sample> samples{};  ///< none: the family is not shown
};

/// A key of /api/v1/status with its value.
struct StatusSection {
  std::string key;
  std::string json;  ///< one JSON value
};

}  // namespace flopwatt
