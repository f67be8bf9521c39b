// The cells of the Monte Carlo: a kind of load at a kind of source of energy and of work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/monte_carlo/load.h"

namespace flopwatt::monte_carlo {

enum class PowerKind { none, sample, mean };

/// What is read of a meter. Energy in Wh.
struct MeterKind {
  std::string_view name;
  double step_wh = 1;     ///< in which the register counts; 0: no register
  bool is_float = false;  ///< a float32 in kWh, finer than it counts
  PowerKind power = PowerKind::sample;
  double refresh_least_s = 0.2, refresh_most_s = 1;
  bool is_power_live = false;    ///< only the register is refreshed so seldom
  bool is_refresh_told = false;  ///< as configured by key `refresh`
};

enum class DeviceEnergy { counter, power };

struct DeviceKind {
  DeviceEnergy energy = DeviceEnergy::counter;
  double sensed_s = 0.1;  ///< of each 100 ms: what the sensor sees
};

/// Work that workloads count, told in lumps of so many seconds; 0: work of the pipes.
struct Lumps {
  double least_s = 0, most_s = 0;
};

struct Cell {
  std::string name;
  LoadKind load = LoadKind::constant;
  bool has_meters = true;  ///< else the energy of the devices counts
  MeterKind meter{};
  DeviceKind device{};
  Lumps lumps{};
  bool has_outages = false;
};

[[nodiscard]] std::vector<Cell> all_cells();

}  // namespace flopwatt::monte_carlo
