// A source (one meter, accelerator, CPU package or window of a scope) and the layout of its readings.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "readings/quantity.h"

namespace flopwatt {

/// A source's number in this process: dense, from 0, given by Intake::add and never reused.
using SourceId = std::uint32_t;

/// Type of a number on the wire; the store keeps this width. The enumerators' numbers are stored:
/// never reuse a number.
enum class Wire : std::uint8_t {
  u16 = 1,
  i16 = 2,
  u32 = 3,
  i32 = 4,
  u64 = 5,
  i64 = 6,
  f32 = 7,
  f64 = 8,
  u8 = 9
};

/// The held value of a raw number: raw * scale. Where scale is 1/n, the value is raw / n, since 10 is a
/// double and 0.1 is not: 2301 at 0.1 is 230.1 and not 230.10000000000002.
[[nodiscard]] double held_value(double raw, double scale);

/// One column: which channel, and how its values are packed. value = held_value(raw, scale).
struct Field {
  Channel channel;
  Wire wire = Wire::f64;
  double scale = 1.0;
  /// Smallest step of the value, in the held unit, where the source is coarser than its wire type (a register
  /// in 0.1 kWh steps); 0 = as fine as the wire type. A term of uncertainty.
  double resolution = 0.0;

  bool operator==(const Field&) const = default;
};

/// Where an accelerator's energy comes from: label `energy_source` of `flopwatt_accelerator_info`.
enum class EnergySource : std::uint8_t { none, counter, integrated };

/// How a device's own sensor of power, which its energy counter adds up too, looks at the load: each period it
/// takes the mean over the window. 0: not known.
struct PowerSensor {
  std::chrono::microseconds window{0}, period{0};

  /// Share of the time that the sensor does not see; 0 where it is not known.
  [[nodiscard]] double unseen_share() const {
    if (window.count() <= 0 || window >= period) return 0;
    return 1 - static_cast<double>(window.count()) / static_cast<double>(period.count());
  }
  bool operator==(const PowerSensor&) const = default;
};

/// What the source reports of its identity. An empty string is "unknown".
struct Identity {
  std::string vendor, model, serial;
  std::string profile;            // meters
  std::string accuracy_class;     // meters, as configured, per cent
  std::string feed;               // meters
  std::string uuid, pci, driver;  // accelerators
  EnergySource energy_source = EnergySource::none;
  std::map<std::uint16_t, std::string> branch_labels{};  ///< meters, as configured; a branch may have none

  bool operator==(const Identity&) const = default;
};

/// Immutable. When a source's identity changes (the device reports it for the first time, a card is
/// replaced), the source gets a new Source. Shared across threads by all reading sets that it describes.
struct Source {
  SourceKind kind{};
  std::string name;
  Identity identity;
  std::chrono::microseconds interval{0};          ///< configured
  std::chrono::microseconds effective_period{0};  ///< the larger of interval and the bus's planned cycle
  /// Relative half-widths of power and energy readings: the meter's class (0.05 for an uncalibrated NVML
  /// sensor) and the class of its current transformers. agent/accounting/uncertainty.h combines them.
  double accuracy = 0.0;
  double ct_accuracy = 0.0;
  /// Greatest age of a power or energy value when it is read: the device refreshes it at this
  /// period (NVML: 100 ms; a meter: as configured or as its profile says). 0: not known.
  std::chrono::microseconds refresh{0};
  PowerSensor sensor;  ///< accelerators
  std::vector<Field> fields;

  /// Index of the channel in `fields`; nullopt: none. Slow: resolve once, not for each reading.
  [[nodiscard]] std::optional<std::size_t> index_of(Channel channel) const;

  /// The source is stale after so long without a good reading: max(3 x effective period, 5 s).
  [[nodiscard]] std::chrono::microseconds stale_after() const;

  bool operator==(const Source&) const = default;
};

using SourcePtr = std::shared_ptr<const Source>;

}  // namespace flopwatt
