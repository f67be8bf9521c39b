// What a load script describes, as plain structs: the GPUs and meters of the simulated rack and their loads.
#pragma once

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "architecture.h"
#include "waveform.h"

namespace rack {

struct PciAddress {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
};

// How long an answer takes: a random time between both.
struct Latency {
  int least_ms = 0;
  int most_ms = 0;
};

struct Gpu {
  std::string name;
  std::string product;
  const Architecture* architecture = nullptr;
  std::string uuid;
  std::string serial;
  PciAddress pci;
  std::uint32_t pci_device = 0;
  unsigned cores = 0;
  unsigned sm_clock_mhz = 0;
  unsigned max_sm_clock_mhz = 0;
  unsigned memory_clock_mhz = 0;
  std::uint64_t memory_total = 0;  // bytes
  std::uint64_t memory_used = 0;
  double power_limit_w = 0;
  double idle_power_w = 0;
  double energy_offset_j = 0;  // what the counter held when the rack started
  double sensor_gain = 1;      // what NVML reports, over the truth
  double counter_gain = 1;     // of the energy counter alone, beside that
  double sensed_s = 0;         // of each 100 ms: what the sensor sees; 0: as the architecture's does
  Latency latency;             // of nvmlDeviceGetFieldValues
  std::array<Waveform, kPipeCount> activity;
  std::array<double, kPipeCount> operations_per_clock{};  // per SM
  Waveform power;                                         // idle + pipes + other, in W
  Waveform sm_clock;                                      // in MHz
  Waveform graphics, sm, occupancy, integer, dram;        // what GPM reports beside the pipes

  unsigned sm_count() const { return cores / architecture->lanes_per_sm; }
};

enum class MeterKind { sdm630, raw };

// What a raw register shows: a number of the script, or a figure of the truth in this unit.
enum class RawFigure { power_w, energy_wh, energy_j };

struct RawRegister {
  std::uint16_t address = 0;
  std::string type;  // u16 i16 u32 i32 u64 i64 f32 f64
  bool low_word_first = false;
  double scale = 1;  // raw = figure / scale
  std::variant<double, RawFigure> value = 0.0;
};

struct Meter {
  std::string name;
  MeterKind kind = MeterKind::sdm630;
  std::string gateway;  // meters of one gateway share a port
  std::uint16_t port = 0;
  std::uint8_t unit_id = 1;
  std::vector<std::size_t> gpus;
  Waveform base_power;
  double loss_factor = 1;
  double share = 1;
  double gain = 1;             // what the meter reports, over the truth
  double energy_offset_j = 0;  // what the register held when the rack started
  double voltage = 230;
  double frequency = 50;
  double power_factor = 0.98;
  std::array<double, 3> phase_split{};
  bool holes_read_zero = false;
  std::uint16_t max_registers = 125;
  Latency latency;
  std::uint32_t serial = 0;
  int function = 4;
  std::vector<RawRegister> registers;
  Waveform power;  // share * (base + loss factor * GPUs), in W

  // What the meter makes of that, by default as meters are sold. Named as in tests/monte_carlo/cell.h.
  double step_wh = 10;   // in which its energies count; 0: as finely as their type
  double refresh_s = 1;  // how often it renews what its registers hold; 0: at each request
  double refresh_phase_s = 0;
  double mean_s = 0;           // power is the mean over so long; 0: a sample
  bool is_power_live = false;  // only the energies are refreshed so seldom
};

// Whether the driver tells GPM's counters of cycles (metrics 248 to 260), and of what.
enum class CycleCounters { none, per_sm, summed };

struct Load {
  std::string driver_version = "550.90.07";
  std::string nvml_version = "12.550.90.07";
  int cuda_version = 12040;
  CycleCounters cycle_counters = CycleCounters::none;
  std::vector<Gpu> gpus;
  std::vector<Meter> meters;
};

class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Both throw LoadError with the line of the fault.
Load load_file(const std::string& path);
Load load_text(const std::string& yaml);

}  // namespace rack
