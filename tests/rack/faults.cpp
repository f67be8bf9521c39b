#include "faults.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

namespace rack {
namespace {

enum class Value { flag, number, moment };

struct FaultName {
  std::string_view name;
  Value value = Value::flag;
  std::int64_t standard = 1;  // what `on` means
  bool can_be_once = false;
};

constexpr std::array<FaultName, kMeterFaultCount> kMeterFaults = {{
    {"silent"},
    {"late", Value::number, 1500},
    {"wrong_unit"},
    {"wrong_tid"},
    {"trailing"},
    {"length"},
    {"drip", Value::number, 100},
    {"exception", Value::number, 4},
    {"truncate"},
    {"close"},
    {"refuse"},
    {"counter_reset", Value::moment},
    {"freeze", Value::moment},
    {"energy_freeze", Value::moment},
    {"zero"},
    {"energy_zero"},
    {"energy_dip", Value::number, 4},
}};

constexpr std::array<FaultName, kGpuFaultCount> kGpuFaults = {{
    {"hang"},
    {"lost"},
    {"crash", Value::flag, 1, true},
    {"energy_reset", Value::moment},
    {"no_gpm"},
    {"energy_freeze", Value::moment},
    {"energy_zero"},
}};

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::int64_t setting_of(const FaultName& fault, const std::string& word) {
  if (word == "off") return 0;
  if (word == "once" && fault.can_be_once) return 2;
  if (word == "on") return fault.value == Value::moment ? monotonic_ns() : fault.standard;
  if (const auto value = number(word); value && *value >= 0 && fault.value == Value::number) return *value;
  throw std::invalid_argument(std::string(fault.name) + " takes on, off" +
                              (fault.value == Value::number ? " or a number" : "") + ", not " + word);
}

void set(std::span<const FaultName> names, std::span<Switch> switches, const Words& words) {
  const auto fault = std::ranges::find(names, words[2], &FaultName::name);
  if (fault == names.end()) throw std::invalid_argument("there is no fault " + words[2]);
  const std::int64_t setting = setting_of(*fault, words.size() > 3 ? words[3] : "on");
  switches[static_cast<std::size_t>(fault - names.begin())].store(setting);
}

void expect_words(const Words& words) {
  if (words.size() < 3 || words.size() > 4)
    throw std::invalid_argument(
        "a fault is switched with: meter NAME FAULT [on|off|N] or gpu INDEX FAULT [on|off]");
}

boost::json::object active(std::span<const FaultName> names, std::span<const Switch> switches) {
  boost::json::object on;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (const std::int64_t value = switches[i].load()) on[names[i].name] = value;
  return on;
}

}  // namespace

void switch_meter(const Words& words, const Load& load, RackState& state) {
  expect_words(words);
  bool any = words[1] == "all";
  for (std::size_t i = 0; i < load.meters.size(); ++i) {
    if (words[1] != "all" && words[1] != load.meters[i].name) continue;
    set(kMeterFaults, state.meters[i].faults, words);
    any = true;
  }
  if (!any) throw std::invalid_argument("there is no meter " + words[1]);
}

void switch_gpu(const Words& words, const Load& load, RackState& state) {
  expect_words(words);
  if (words[1] == "all") {
    for (std::size_t i = 0; i < load.gpus.size(); ++i) set(kGpuFaults, state.gpus[i].faults, words);
    return set(kGpuFaults, state.library.faults, words);
  }
  const auto index = number(words[1]);
  if (!index || *index < 0 || static_cast<std::size_t>(*index) >= load.gpus.size())
    throw std::invalid_argument("there is no GPU " + words[1]);
  set(kGpuFaults, state.gpus[static_cast<std::size_t>(*index)].faults, words);
}

void clear_faults(RackState& state) {
  for (MeterSwitches& meter : state.meters)
    for (Switch& fault : meter.faults) fault.store(0);
  for (GpuSwitches& gpu : state.gpus)
    for (Switch& fault : gpu.faults) fault.store(0);
  for (Switch& fault : state.library.faults) fault.store(0);
}

boost::json::object active_faults(const Load& load, const RackState& state) {
  boost::json::object meters;
  boost::json::object gpus;
  for (std::size_t i = 0; i < load.meters.size(); ++i)
    if (auto on = active(kMeterFaults, state.meters[i].faults); !on.empty()) meters[load.meters[i].name] = on;
  for (std::size_t i = 0; i < load.gpus.size(); ++i)
    if (auto on = active(kGpuFaults, state.gpus[i].faults); !on.empty()) gpus[std::to_string(i)] = on;
  return {{"meters", meters}, {"gpus", gpus}, {"library", active(kGpuFaults, state.library.faults)}};
}

}  // namespace rack
