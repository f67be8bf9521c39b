// NVML's binary interface, answering as the file named by FAKE_NVML_SCRIPT says. It is read again at every
// call:
//   devices 2              how many devices there are (default 1)
//   nvmlInit_v2 9          that function returns this code
//   0.nvmlDeviceGetName 3  the same for one device; `0.all 15`: every function of device 0
//   hang FUNCTION          that function never returns;  crash FUNCTION: it aborts
//   0.power 300000         what a device reads: power, energy, clock, memory, cores, temperature, use, pci,
//   uuid 0.field.83 3           status of that field;  0.stamp -1000: its time stamp, us from now; 0: none
//   0.metric.7 50          per cent of that GPM metric (`nan` too);  0.metric_status.7 21
//   0.metric.248 1e9       elapsed SM cycles, which are not offered unless the script has them
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>

#include "drivers/accelerators/nvidia/nvml_abi.h"

namespace abi = flopwatt::nvidia::abi;
using abi::Return;

namespace {

using Script = std::multimap<std::string, std::string>;

Script read_script() {
  Script script;
  const char* const path = std::getenv("FAKE_NVML_SCRIPT");
  std::ifstream file(path == nullptr ? "" : path);
  for (std::string key, value; file >> key >> value;) script.emplace(key, value);
  return script;
}

std::string text(const std::string& key, const std::string& otherwise) {
  const Script script = read_script();
  const auto found = script.find(key);
  return found == script.end() ? otherwise : found->second;
}

double number(const std::string& key, double otherwise) {
  const std::string value = text(key, "");
  return value.empty() ? otherwise : std::strtod(value.c_str(), nullptr);
}

unsigned index_of(abi::Device device) {
  return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(device)) - 1;
}

std::string key_of(abi::Device device, const std::string& what) {
  return std::to_string(index_of(device)) + "." + what;
}

/// What the script wants of this call before it does anything.
Return scripted(const std::string& function) {
  const Script script = read_script();
  for (auto [entry, last] = script.equal_range("hang"); entry != last; ++entry)
    while (entry->second == function) ::pause();
  for (auto [entry, last] = script.equal_range("crash"); entry != last; ++entry)
    if (entry->second == function) std::abort();
  return static_cast<Return>(static_cast<int>(number(function, 0)));
}

Return scripted(abi::Device device, const std::string& function) {
  if (const Return code = scripted(function); code != Return::success) return code;
  if (const double code = number(key_of(device, "all"), 0); code != 0)
    return static_cast<Return>(static_cast<int>(code));
  return static_cast<Return>(static_cast<int>(number(key_of(device, function), 0)));
}

Return put(const std::string& value, char* buffer, unsigned size) {
  if (value.size() >= size) return Return::insufficient_size;
  std::memcpy(buffer, value.c_str(), value.size() + 1);
  return Return::success;
}

#define SCRIPTED(device) \
  if (const Return code = scripted(device, __func__); code != Return::success) return code

Return put_number(abi::Device device, const char* function, const char* key, double otherwise,
                  unsigned* value) {
  if (const Return code = scripted(device, function); code != Return::success) return code;
  *value = static_cast<unsigned>(number(key_of(device, key), otherwise));
  return Return::success;
}

constexpr double default_energy_mj = 5'000'000'123.0;

}  // namespace

extern "C" {

Return nvmlInit_v2() { return scripted(__func__); }
Return nvmlShutdown() { return Return::success; }

Return nvmlSystemGetDriverVersion(char* buffer, unsigned size) { return put("570.86.15", buffer, size); }

Return nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(number("devices", 1));
  return scripted(__func__);
}

Return nvmlDeviceGetHandleByIndex_v2(unsigned index, abi::Device* device) {
  *device = reinterpret_cast<abi::Device>(static_cast<std::uintptr_t>(index) + 1);
  return scripted(*device, __func__);
}

Return nvmlDeviceGetPciInfo_v3(abi::Device device, abi::PciInfo* info) {
  SCRIPTED(device);
  std::array<char, 32> address{};
  std::snprintf(address.data(), address.size(), "00000000:%02X:00.0", 0x4A + index_of(device));
  return put(text(key_of(device, "pci"), address.data()), info->bus_id, sizeof info->bus_id);
}

Return nvmlDeviceGetName(abi::Device device, char* buffer, unsigned size) {
  SCRIPTED(device);
  return put("NVIDIA H100 80GB HBM3", buffer, size);
}

Return nvmlDeviceGetUUID(abi::Device device, char* buffer, unsigned size) {
  SCRIPTED(device);
  return put(text(key_of(device, "uuid"), "GPU-" + std::to_string(index_of(device))), buffer, size);
}

Return nvmlDeviceGetSerial(abi::Device device, char* buffer, unsigned size) {
  SCRIPTED(device);
  return put("165" + std::to_string(index_of(device)), buffer, size);
}

Return nvmlDeviceGetCudaComputeCapability(abi::Device device, int* major, int* minor) {
  SCRIPTED(device);
  *major = 9;
  *minor = 0;
  return Return::success;
}

Return nvmlDeviceGetNumGpuCores(abi::Device device, unsigned* cores) {
  return put_number(device, __func__, "cores", 16896, cores);
}
Return nvmlDeviceGetPowerUsage(abi::Device device, unsigned* mw) {
  return put_number(device, __func__, "power", 400'000, mw);
}
Return nvmlDeviceGetEnforcedPowerLimit(abi::Device device, unsigned* mw) {
  return put_number(device, __func__, "limit", 700'000, mw);
}
Return nvmlDeviceGetClockInfo(abi::Device device, int, unsigned* mhz) {
  return put_number(device, __func__, "clock", 1980, mhz);
}
Return nvmlDeviceGetTemperature(abi::Device device, int, unsigned* celsius) {
  return put_number(device, __func__, "temperature", 61, celsius);
}

Return nvmlDeviceGetUtilizationRates(abi::Device device, abi::Utilization* use) {
  SCRIPTED(device);
  *use = {static_cast<unsigned>(number(key_of(device, "use"), 97)), 40};
  return Return::success;
}

Return nvmlDeviceGetMemoryInfo(abi::Device device, abi::Memory* memory) {
  SCRIPTED(device);
  *memory = {85'520'809'984, 0, static_cast<std::uint64_t>(number(key_of(device, "memory"), 1e9))};
  return Return::success;
}

#ifndef FAKE_NVML_OLD

Return nvmlDeviceGetTotalEnergyConsumption(abi::Device device, std::uint64_t* mj) {
  SCRIPTED(device);
  *mj = static_cast<std::uint64_t>(number(key_of(device, "energy"), default_energy_mj));
  return Return::success;
}

Return nvmlDeviceGetFieldValues(abi::Device device, int count, abi::FieldValue* fields) {
  SCRIPTED(device);
  for (abi::FieldValue* field = fields; field != fields + count; ++field) {
    field->status = static_cast<Return>(
        static_cast<int>(number(key_of(device, "field." + std::to_string(field->field_id)), 0)));
    const auto wall = std::chrono::system_clock::now().time_since_epoch();
    const auto stamp = static_cast<std::int64_t>(number(key_of(device, "stamp"), 0));
    field->timestamp_us =
        stamp == 0 ? 0 : std::chrono::duration_cast<std::chrono::microseconds>(wall).count() + stamp;
    const bool energy = field->field_id == abi::field_total_energy;
    field->value_type = energy ? abi::ValueType::u64 : abi::ValueType::u32;
    field->value.u64 = static_cast<std::uint64_t>(energy ? number(key_of(device, "energy"), default_energy_mj)
                                                         : number(key_of(device, "instant"), 412'345));
  }
  return Return::success;
}

Return nvmlGpmQueryDeviceSupport(abi::Device device, abi::GpmSupport* support) {
  if (support->version != 1) return Return::argument_version_mismatch;
  support->is_supported = number(key_of(device, "gpm"), 1) != 0 ? 1 : 0;
  return scripted(device, __func__);
}

Return nvmlGpmSampleAlloc(abi::GpmSample* sample) {
  *sample = static_cast<abi::GpmSample>(std::calloc(1, sizeof(abi::Device)));
  return scripted(__func__);
}
Return nvmlGpmSampleFree(abi::GpmSample sample) {
  std::free(sample);
  return Return::success;
}
Return nvmlGpmSampleGet(abi::Device device, abi::GpmSample sample) {
  SCRIPTED(device);
  std::memcpy(static_cast<void*>(sample), &device, sizeof device);
  return Return::success;
}

Return nvmlGpmMetricsGet(abi::GpmMetricsGet* request) {
  if (request->version != 1) return Return::argument_version_mismatch;
  abi::Device device = nullptr;
  std::memcpy(&device, static_cast<const void*>(request->second), sizeof device);
  SCRIPTED(device);
  for (unsigned i = 0; i < request->count; ++i) {
    abi::GpmMetric& metric = request->metrics[i];
    const std::string id = std::to_string(metric.metric_id);
    const bool is_counter = metric.metric_id == abi::gpm_sm_cycles_elapsed;
    const bool is_offered = !is_counter || !text(key_of(device, "metric." + id), "").empty();
    const auto otherwise = static_cast<double>(is_offered ? Return::success : Return::not_supported);
    metric.status =
        static_cast<Return>(static_cast<int>(number(key_of(device, "metric_status." + id), otherwise)));
    metric.value = number(key_of(device, "metric." + id), 0);
  }
  return Return::success;
}

#endif

}  // extern "C"
