#include "load_gpu.h"

#include <algorithm>
#include <cstdio>
#include <iomanip>
#include <sstream>

#include "truth.h"

namespace rack {
namespace {

std::string padded(unsigned number, int width, std::ios_base& (*base)(std::ios_base&)) {
  std::ostringstream text;
  text << base << std::setfill('0') << std::setw(width) << number;
  return text.str();
}

void read_identity(const YAML::Node& node, std::size_t index, Gpu& gpu) {
  const auto number = static_cast<unsigned>(index);
  gpu.name = "gpu" + std::to_string(index);
  if (const YAML::Node name = node["name"]) gpu.name = value_of<std::string>(name);
  gpu.uuid = value_or(node, "uuid", "GPU-5f10a770-0000-4000-8000-" + padded(number, 12, std::hex));
  gpu.serial = value_or(node, "serial", "16530230" + padded(number, 5, std::dec));
  gpu.pci = {0, 0x19 + number * 8 % 0xE0, number / 28};
  if (const YAML::Node pci = node["pci"]) {
    const auto text = value_of<std::string>(pci);
    if (std::sscanf(text.c_str(), "%x:%x:%x", &gpu.pci.domain, &gpu.pci.bus, &gpu.pci.device) != 3)
      fail_at(pci, "a PCI address looks like 0000:41:00.0");
  }
}

void read_product(const YAML::Node& node, Gpu& gpu) {
  gpu.product = value_or<std::string>(node, "product", "NVIDIA H100 80GB HBM3");
  const Product* known = find_product(gpu.product);
  if (!known && !(node["architecture"] && node["cores"]))
    fail_at(node, "product " + gpu.product + " is not known here: give architecture and cores");
  const auto key = value_or<std::string>(node, "architecture", known ? std::string(known->architecture) : "");
  gpu.architecture = find_architecture(key);
  if (!gpu.architecture) fail_at(node, "architecture " + key + " is not known");
  gpu.cores = value_or(node, "cores", known ? known->cores : 0);
  if (gpu.cores == 0 || gpu.cores % gpu.architecture->lanes_per_sm != 0)
    fail_at(node, "cores must be a multiple of the lanes of one SM");
  gpu.max_sm_clock_mhz = value_or(node, "max_sm_clock", known ? known->max_sm_clock_mhz : 1500);
  gpu.sm_clock_mhz = value_or(node, "sm_clock", gpu.max_sm_clock_mhz);
  gpu.memory_clock_mhz = value_or(node, "memory_clock", known ? known->memory_clock_mhz : 1600);
  const std::uint64_t total_mib =
      value_or<std::uint64_t>(node, "memory_mib", known ? known->memory_mib : 16384);
  gpu.memory_total = total_mib << 20;
  gpu.memory_used = value_or<std::uint64_t>(node, "memory_used_mib", total_mib / 2) << 20;
  gpu.power_limit_w = value_or(node, "power_limit", known ? known->power_limit_w : 400);
  gpu.pci_device = known ? known->pci_device : 0x10DE;
}

void check_activity(const YAML::Node& node, const Gpu& gpu) {
  const auto outside = [](const Waveform& w) { return w.lowest() < -1e-9 || w.highest() > 1 + 1e-9; };
  Waveform tensor;
  for (std::size_t i = 0; i < kPipeCount; ++i) {
    if (outside(gpu.activity[i])) fail_at(node, std::string(kPipeNames[i]) + " may leave the range 0 to 1");
    if (gpu.activity[i].highest() > 0 && gpu.operations_per_clock[i] == 0)
      fail_at(node, "this architecture has no pipe " + std::string(kPipeNames[i]) + " at this precision");
  }
  for (const Pipe pipe : {Pipe::hmma, Pipe::imma, Pipe::dfma})
    tensor.add(gpu.activity[static_cast<std::size_t>(pipe)], 1);
  if (outside(tensor)) fail_at(node, "the tensor pipes together may leave the range 0 to 1");
  for (const Waveform* other : {&gpu.graphics, &gpu.sm, &gpu.occupancy, &gpu.integer, &gpu.dram})
    if (outside(*other)) fail_at(node, "a utilisation may leave the range 0 to 1");
}

// Idle power, each pipe's power in proportion to its activity, and whatever else the script draws.
void read_loads(const YAML::Node& node, TensorPrecision precision, Gpu& gpu) {
  gpu.idle_power_w = value_or(node, "idle_power", 70.0);
  const double busy_w = value_or(node, "busy_power", gpu.power_limit_w);
  gpu.power = waveform_or(node, "other_power", 0);
  gpu.power.add(gpu.idle_power_w);
  const YAML::Node activity = node["activity"];
  const YAML::Node pipe_power = node["pipe_power"];
  if (activity) expect_keys(activity, {"hmma", "imma", "dfma", "fp64", "fp32", "fp16"});
  if (pipe_power) expect_keys(pipe_power, {"hmma", "imma", "dfma", "fp64", "fp32", "fp16"});
  bool busy = false;
  for (std::size_t i = 0; i < kPipeCount; ++i) {
    const char* key = kPipeNames[i].data();
    gpu.operations_per_clock[i] = operations_per_clock(*gpu.architecture, Pipe{i}, precision);
    if (activity) gpu.activity[i] = waveform_or(activity, key, 0);
    const double fallback = busy_w - gpu.idle_power_w;
    gpu.power.add(gpu.activity[i], pipe_power ? value_or(pipe_power, key, fallback) : fallback);
    busy = busy || gpu.activity[i].highest() > 0;
  }
  gpu.graphics = waveform_or(node, "graphics", busy ? 1 : 0);
  gpu.sm = waveform_or(node, "sm", busy ? 0.9 : 0);
  gpu.occupancy = waveform_or(node, "occupancy", busy ? 0.3 : 0);
  gpu.integer = waveform_or(node, "integer", busy ? 0.1 : 0);
  gpu.dram = waveform_or(node, "dram", busy ? 0.4 : 0);
}

// The clock falls with the power: at the most by `busy_drop` of it, and at idle not at all.
void read_clock(const YAML::Node& node, Gpu& gpu) {
  const auto busy_drop = value_or(node, "busy_drop", 0.0);
  const double mhz = gpu.sm_clock_mhz;
  gpu.sm_clock = Waveform(mhz);
  if (busy_drop == 0) return;
  if (busy_drop < 0 || busy_drop >= 1) fail_at(node, "busy_drop lies in 0 to 1");
  const double range_w = gpu.power.highest() - gpu.idle_power_w;
  if (range_w <= 0) fail_at(node, "busy_drop needs a GPU that draws more than its idle_power");
  gpu.sm_clock.add(mhz * busy_drop * gpu.idle_power_w / range_w);
  gpu.sm_clock.add(gpu.power, -mhz * busy_drop / range_w);
  // Activity is work over the peak at `sm_clock`. On a slower clock the same work takes more of the cycles.
  for (const Waveform& activity : gpu.activity)
    if (activity.highest() > 1 - busy_drop + 1e-9)
      fail_at(node, "an activity may need more cycles than busy_drop leaves");
}

void read_sensors(const YAML::Node& node, Gpu& gpu) {
  gpu.energy_offset_j = value_or(node, "energy_offset_j", 0.0);
  gpu.sensor_gain = value_or(node, "sensor_gain", 1.0);
  gpu.counter_gain = value_or(node, "counter_gain", 1.0);
  gpu.sensed_s = value_or(node, "sensed_s", 0.0);
  if (gpu.sensed_s < 0 || gpu.sensed_s > kSensorPeriod) fail_at(node, "sensed_s lies in 0 to 0.1");
  gpu.latency = latency_or_none(node);
}

void delay(Gpu& gpu, double seconds) {
  for (Waveform& waveform : gpu.activity) waveform = waveform.delayed(seconds);
  for (Waveform* other :
       {&gpu.power, &gpu.sm_clock, &gpu.graphics, &gpu.sm, &gpu.occupancy, &gpu.integer, &gpu.dram})
    *other = other->delayed(seconds);
}

}  // namespace

Gpu gpu_of(const Entry& entry, TensorPrecision precision) {
  const YAML::Node& node = entry.node;
  expect_keys(node, {"count",
                     "stagger",
                     "name",
                     "product",
                     "architecture",
                     "uuid",
                     "serial",
                     "pci",
                     "cores",
                     "sm_clock",
                     "max_sm_clock",
                     "memory_mib",
                     "memory_used_mib",
                     "memory_clock",
                     "power_limit",
                     "idle_power",
                     "busy_power",
                     "pipe_power",
                     "other_power",
                     "activity",
                     "graphics",
                     "sm",
                     "occupancy",
                     "integer",
                     "dram",
                     "sensor_gain",
                     "counter_gain",
                     "sensed_s",
                     "busy_drop",
                     "latency_ms",
                     "energy_offset_j"});
  Gpu gpu;
  read_identity(node, entry.index, gpu);
  if (entry.counted) gpu.name = value_or<std::string>(node, "name", "gpu") + std::to_string(entry.index);
  read_product(node, gpu);
  read_loads(node, precision, gpu);
  check_activity(node, gpu);
  read_clock(node, gpu);
  read_sensors(node, gpu);
  delay(gpu, value_or(node, "stagger", 0.0) * static_cast<double>(entry.index));
  return gpu;
}

}  // namespace rack
