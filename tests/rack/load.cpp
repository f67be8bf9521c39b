#include "load.h"

#include <fstream>
#include <set>
#include <sstream>

#include "load_gpu.h"
#include "load_meter.h"
#include "state.h"

namespace rack {
namespace {

CycleCounters cycle_counters_of(const YAML::Node& node) {
  const auto name = value_of<std::string>(node);
  if (name == "per_sm") return CycleCounters::per_sm;
  if (name == "summed") return CycleCounters::summed;
  if (name != "none") fail_at(node, "cycle_counters is none, per_sm or summed");
  return CycleCounters::none;
}

Load load_of(const YAML::Node& root) {
  expect_keys(root, {"tensor_precision", "driver", "gpus", "meters"});
  Load load;
  const auto precision_name = value_or<std::string>(root, "tensor_precision", "bf16");
  const auto precision = tensor_precision(precision_name);
  if (!precision) fail_at(root["tensor_precision"], "tensor_precision is bf16, fp16, tf32 or fp8");
  if (const YAML::Node driver = root["driver"]) {
    expect_keys(driver, {"version", "nvml", "cuda", "cycle_counters"});
    load.driver_version = value_or(driver, "version", load.driver_version);
    load.nvml_version = value_or(driver, "nvml", load.nvml_version);
    load.cuda_version = value_or(driver, "cuda", load.cuda_version);
    if (const YAML::Node counters = driver["cycle_counters"])
      load.cycle_counters = cycle_counters_of(counters);
  }
  for (const Entry& entry : entries_of(root["gpus"])) load.gpus.push_back(gpu_of(entry, *precision));
  std::set<std::string> names;
  for (const Entry& entry : entries_of(root["meters"])) {
    load.meters.push_back(meter_of(entry, load.gpus));
    if (const std::string& name = load.meters.back().name; name == "all" || !names.insert(name).second)
      fail_at(entry.node, "the meter name " + name + " is taken");
  }
  if (load.gpus.size() > kMaxGpus) throw LoadError("too many GPUs");
  if (load.meters.size() > kMaxMeters) throw LoadError("too many meters");
  return load;
}

}  // namespace

Load load_text(const std::string& yaml) {
  try {
    return load_of(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    throw LoadError(error.what());
  }
}

Load load_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw LoadError(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  try {
    return load_text(text.str());
  } catch (const LoadError& error) {
    throw LoadError(path + ": " + error.what());
  }
}

}  // namespace rack
