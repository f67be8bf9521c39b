#include "tests/monte_carlo/cell.h"

#include <array>
#include <utility>

namespace flopwatt::monte_carlo {
namespace {

constexpr std::array load_kinds = {LoadKind::constant, LoadKind::ramp,        LoadKind::training,
                                   LoadKind::bursts,   LoadKind::deep_bursts, LoadKind::square,
                                   LoadKind::fast,     LoadKind::nights};

constexpr std::array meter_kinds = {
    MeterKind{.name = "1 Wh and power"},
    MeterKind{.name = "1 Wh and mean power", .power = PowerKind::mean},
    MeterKind{.name = "1 Wh alone", .power = PowerKind::none},
    MeterKind{.name = "10 Wh and power", .step_wh = 10},
    MeterKind{.name = "10 Wh alone", .step_wh = 10, .power = PowerKind::none},
    MeterKind{.name = "0.1 kWh and power", .step_wh = 100},
    MeterKind{.name = "float by 0.01 kWh", .step_wh = 10, .is_float = true},
    MeterKind{.name = "float by 0.1 kWh", .step_wh = 100, .is_float = true},
    MeterKind{.name = "power", .step_wh = 0},
    MeterKind{.name = "mean power", .step_wh = 0, .power = PowerKind::mean},
    MeterKind{
        .name = "slow 1 Wh, live power", .refresh_least_s = 2, .refresh_most_s = 60, .is_power_live = true},
    MeterKind{.name = "slow 1 Wh, told",
              .refresh_least_s = 2,
              .refresh_most_s = 60,
              .is_power_live = true,
              .is_refresh_told = true},
    MeterKind{.name = "slow 1 Wh and power", .refresh_least_s = 1, .refresh_most_s = 10},
};

constexpr std::array device_kinds = {
    std::pair<std::string_view, DeviceKind>{"device counter", {}},
    std::pair<std::string_view, DeviceKind>{"device counter 25/100", {DeviceEnergy::counter, 0.025}},
    std::pair<std::string_view, DeviceKind>{"device power", {DeviceEnergy::power, 0.1}},
    std::pair<std::string_view, DeviceKind>{"device power 25/100", {DeviceEnergy::power, 0.025}},
};

std::string cell_name(LoadKind load, std::string_view rest) {
  return std::string(name_of(load)) + " / " + std::string(rest);
}

}  // namespace

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  for (const LoadKind load : load_kinds) {
    for (const MeterKind& meter : meter_kinds)
      cells.push_back({.name = cell_name(load, meter.name), .load = load, .meter = meter});
    for (const auto& [name, device] : device_kinds)
      cells.push_back(
          {.name = cell_name(load, name), .load = load, .has_meters = false, .meter = {}, .device = device});
  }
  const MeterKind good = meter_kinds[1];
  for (const LoadKind load : {LoadKind::constant, LoadKind::training, LoadKind::nights}) {
    cells.push_back(
        {.name = cell_name(load, "lumps to 10 s"), .load = load, .meter = good, .lumps = {0.2, 10}});
    cells.push_back(
        {.name = cell_name(load, "lumps 10 to 60 s"), .load = load, .meter = good, .lumps = {10, 60}});
    cells.push_back({.name = cell_name(load, "outages"), .load = load, .meter = good, .has_outages = true});
  }
  return cells;
}

}  // namespace flopwatt::monte_carlo
