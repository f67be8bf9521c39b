// What a guest says about a device: who it is, what it reads, how it failed. Shared by the guest, which makes
// it, and the driver, which turns it into sources and reading sets. Nothing here is of one vendor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "readings/reading_set.h"
#include "readings/result.h"

namespace flopwatt::accelerators {

/// A figure that a device reads, of the device as a whole.
struct Figure {
  std::string key;  ///< in messages, with the unit of the raw number: "power_mw"
  Field field;      ///< wire type and scale of the raw number

  bool operator==(const Figure&) const = default;
};

struct DeviceIdentity {
  std::string pci;   ///< domain:bus:device.function in lower case: "0000:41:00.0"
  std::string uuid;  ///< as the library prints it: "GPU-..."
  std::string name, serial;
  std::string architecture;  ///< as the vendor's section of the table of accelerators names it
  unsigned cores = 0;        ///< as the vendor's rates count them; 0: unknown
  /// counter: one of `figures` is energy. integrated: the agent integrates the power among `figures`.
  EnergySource energy_source = EnergySource::none;
  PowerSensor sensor;              ///< of power and of the energy counter
  std::vector<Figure> figures;     ///< in the order of quantity.h
  std::vector<Place> activity;     ///< the pipes whose activity the device reports; may be empty
  std::string no_activity_reason;  ///< why `activity` is empty, as the end of a sentence

  bool operator==(const DeviceIdentity&) const = default;
};

/// What a device did between the sample before and this one.
struct Activity {
  std::vector<double> ratios;                             ///< 0..1 of DeviceIdentity::activity, or `absent`
  double seconds = 0;                                     ///< between the two samples
  double clock_begin_hz = absent, clock_end_hz = absent;  ///< core clock at both
  double clock_before_hz = absent;  ///< at the sample before them; `absent` where there was none in time
  /// Cycles of the core clock between the two, as the vendor's devices count them; `absent` where they do not.
  double cycles = absent;
};

/// One reading of one device.
struct DeviceReading {
  Moment time;  ///< the library's own time stamp of the energy counter, else the midpoint of the calls
  std::int64_t half_duration_us = 0;
  std::vector<double> numbers;  ///< raw numbers of DeviceIdentity::figures, or `absent`
  /// A sample was taken: the interval from this reading to the next can be known.
  bool activity_sampled = false;
  std::optional<Activity> activity;  ///< from the reading before to this one
};

/// Why a device could not be read; `code` is the library's.
struct DeviceFailure {
  int code = 0;
  std::string text;
};

using DeviceResult = Result<DeviceReading, DeviceFailure>;

}  // namespace flopwatt::accelerators
