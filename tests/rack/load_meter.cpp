#include "load_meter.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace rack {
namespace {

constexpr double kJoulesPerKilowattHour = 3.6e6;

std::vector<std::size_t> gpus_behind(const YAML::Node& node, std::size_t count) {
  std::vector<std::size_t> behind;
  if (!node) return behind;
  if (node.IsScalar()) {
    if (node.Scalar() == "none") return behind;
    if (node.Scalar() != "all") fail_at(node, "gpus is all, none or a list of indices");
    behind.resize(count);
    std::iota(behind.begin(), behind.end(), std::size_t{0});
    return behind;
  }
  behind = value_of<std::vector<std::size_t>>(node);
  for (const std::size_t gpu : behind)
    if (gpu >= count) fail_at(node, "there is no GPU " + std::to_string(gpu));
  return behind;
}

RawRegister register_of(const YAML::Node& node) {
  static const std::map<std::string, RawFigure> figures = {{"power_w", RawFigure::power_w},
                                                           {"energy_wh", RawFigure::energy_wh},
                                                           {"energy_j", RawFigure::energy_j}};
  static constexpr std::array types = {"u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64"};
  expect_keys(node, {"address", "type", "word_order", "scale", "value"});
  RawRegister entry;
  entry.address = value_of<std::uint16_t>(node["address"]);
  entry.type = value_or<std::string>(node, "type", "u16");
  if (std::ranges::find(types, entry.type) == types.end()) fail_at(node, "unknown type " + entry.type);
  const auto order = value_or<std::string>(node, "word_order", "big");
  if (order != "big" && order != "little") fail_at(node, "word_order is big or little");
  entry.low_word_first = order == "little";
  entry.scale = value_or(node, "scale", 1.0);
  const YAML::Node value = node["value"];
  if (!value) fail_at(node, "a register needs a value");
  if (const auto figure = figures.find(value.Scalar()); figure != figures.end())
    entry.value = figure->second;
  else
    entry.value = value_of<double>(value);
  return entry;
}

void read_address(const Entry& entry, Meter& meter) {
  const YAML::Node& node = entry.node;
  meter.name = "meter" + std::to_string(entry.index);
  if (const YAML::Node name = node["name"]) meter.name = value_of<std::string>(name);
  if (entry.counted) meter.name = value_or<std::string>(node, "name", "meter") + std::to_string(entry.index);
  meter.gateway = value_or<std::string>(node, "gateway", "");
  const auto port = value_or<std::uint16_t>(node, "port", 0);
  const auto unit = value_or<unsigned>(node, "unit_id", 1);
  // Of counted meters, those on ports of their own count ports, those behind a gateway count units.
  const auto step = static_cast<unsigned>(entry.counted ? entry.index : 0);
  const unsigned own_unit = meter.gateway.empty() ? unit : unit + step;
  if (own_unit > 255) fail_at(node, "a unit id goes up to 255");
  meter.unit_id = static_cast<std::uint8_t>(own_unit);
  meter.port = static_cast<std::uint16_t>(port && meter.gateway.empty() ? port + step : port);
}

void read_electrics(const YAML::Node& node, Meter& meter) {
  meter.voltage = value_or(node, "voltage", 230.0);
  meter.frequency = value_or(node, "frequency", 50.0);
  meter.power_factor = value_or(node, "power_factor", 0.98);
  if (meter.power_factor <= 0 || meter.power_factor > 1) fail_at(node, "power_factor lies in 0 to 1");
  const auto split = value_or(node, "phase_split", std::vector<double>{0.34, 0.33, 0.33});
  if (split.size() != 3 || std::abs(split[0] + split[1] + split[2] - 1) > 1e-9)
    fail_at(node, "phase_split is three numbers with the sum 1");
  std::ranges::copy(split, meter.phase_split.begin());
}

void read_behaviour(const YAML::Node& node, Meter& meter) {
  const auto holes = value_or<std::string>(node, "holes", "exception");
  if (holes != "exception" && holes != "zero") fail_at(node, "holes is exception or zero");
  meter.holes_read_zero = holes == "zero";
  meter.latency = latency_or_none(node);
  const bool raw = meter.kind == MeterKind::raw;
  meter.max_registers = value_or<std::uint16_t>(node, "max_registers", raw ? 125 : 80);
  meter.function = value_or(node, "function", raw ? 3 : 4);
  if (meter.function != 3 && meter.function != 4) fail_at(node, "function is 3 or 4");
  if (const YAML::Node registers = node["registers"])
    for (const YAML::Node& entry : registers) meter.registers.push_back(register_of(entry));
}

// Keys that say how the meter measures go before what `meter` says.
void read_instrument(const Entry& entry, Meter& meter) {
  const YAML::Node& node = entry.node;
  const auto grade = value_or<std::string>(node, "meter", "sold");
  if (grade != "sold" && grade != "ideal") fail_at(node, "meter is sold or ideal");
  const Meter sold;
  const bool is_ideal = grade == "ideal";
  meter.step_wh = value_or(node, "step_wh", is_ideal ? 0 : sold.step_wh);
  meter.refresh_s = value_or(node, "refresh_s", is_ideal ? 0 : sold.refresh_s);
  meter.mean_s = value_or(node, "mean_s", 0.0);
  meter.is_power_live = value_or(node, "is_power_live", false);
  if (meter.step_wh < 0 || meter.refresh_s < 0 || meter.mean_s < 0)
    fail_at(node, "step_wh, refresh_s and mean_s are not below 0");
  // Meters begin at different moments: by the golden ratio no two of a rack renew their values together.
  const double turns = 0.618034 * static_cast<double>(entry.index + 1);
  meter.refresh_phase_s = value_or(node, "refresh_phase_s", (turns - std::floor(turns)) * meter.refresh_s);
}

}  // namespace

Meter meter_of(const Entry& entry, const std::vector<Gpu>& gpus) {
  const YAML::Node& node = entry.node;
  expect_keys(node, {"count",         "name",
                     "kind",          "gateway",
                     "port",          "unit_id",
                     "gpus",          "base_power",
                     "loss_factor",   "share",
                     "gain",          "voltage",
                     "frequency",     "energy_offset_kwh",
                     "power_factor",  "phase_split",
                     "holes",         "latency_ms",
                     "max_registers", "serial",
                     "function",      "registers",
                     "meter",         "step_wh",
                     "refresh_s",     "refresh_phase_s",
                     "mean_s",        "is_power_live"});
  Meter meter;
  const auto kind = value_or<std::string>(node, "kind", "sdm630");
  if (kind != "sdm630" && kind != "raw") fail_at(node, "kind is sdm630 or raw");
  meter.kind = kind == "raw" ? MeterKind::raw : MeterKind::sdm630;
  read_address(entry, meter);
  read_electrics(node, meter);
  read_behaviour(node, meter);
  read_instrument(entry, meter);
  meter.gpus = gpus_behind(node["gpus"], gpus.size());
  meter.base_power = waveform_or(node, "base_power", 0);
  meter.loss_factor = value_or(node, "loss_factor", 1.0);
  meter.share = value_or(node, "share", 1.0);
  meter.gain = value_or(node, "gain", 1.0);
  meter.energy_offset_j = value_or(node, "energy_offset_kwh", 100.0) * kJoulesPerKilowattHour;
  meter.serial = value_or<std::uint32_t>(node, "serial", 63000000 + static_cast<std::uint32_t>(entry.index));
  meter.power.add(meter.base_power, meter.share);
  for (const std::size_t gpu : meter.gpus) meter.power.add(gpus[gpu].power, meter.share * meter.loss_factor);
  return meter;
}

}  // namespace rack
