#include "drivers/accelerators/nvidia/nvml_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace flopwatt::nvidia {
namespace {

/// The symbols that NVML's header maps its plain names to.
void bind_all(void* library, NvmlFunctions& table) {
  const auto bind = [library](auto& function, const char* symbol) {
    function.bind(::dlsym(library, symbol));
  };
  bind(table.init, "nvmlInit_v2");
  bind(table.shutdown, "nvmlShutdown");
  bind(table.system_get_driver_version, "nvmlSystemGetDriverVersion");
  bind(table.device_get_count, "nvmlDeviceGetCount_v2");
  bind(table.device_get_handle_by_index, "nvmlDeviceGetHandleByIndex_v2");
  bind(table.device_get_pci_info, "nvmlDeviceGetPciInfo_v3");
  bind(table.device_get_name, "nvmlDeviceGetName");
  bind(table.device_get_uuid, "nvmlDeviceGetUUID");
  bind(table.device_get_serial, "nvmlDeviceGetSerial");
  bind(table.device_get_cuda_compute_capability, "nvmlDeviceGetCudaComputeCapability");
  bind(table.device_get_num_gpu_cores, "nvmlDeviceGetNumGpuCores");
  bind(table.device_get_power_usage, "nvmlDeviceGetPowerUsage");
  bind(table.device_get_total_energy_consumption, "nvmlDeviceGetTotalEnergyConsumption");
  bind(table.device_get_enforced_power_limit, "nvmlDeviceGetEnforcedPowerLimit");
  bind(table.device_get_utilization_rates, "nvmlDeviceGetUtilizationRates");
  bind(table.device_get_clock_info, "nvmlDeviceGetClockInfo");
  bind(table.device_get_temperature, "nvmlDeviceGetTemperature");
  bind(table.device_get_temperature_v, "nvmlDeviceGetTemperatureV");
  bind(table.device_get_memory_info, "nvmlDeviceGetMemoryInfo");
  bind(table.device_get_field_values, "nvmlDeviceGetFieldValues");
  bind(table.gpm_query_device_support, "nvmlGpmQueryDeviceSupport");
  bind(table.gpm_sample_alloc, "nvmlGpmSampleAlloc");
  bind(table.gpm_sample_free, "nvmlGpmSampleFree");
  bind(table.gpm_sample_get, "nvmlGpmSampleGet");
  bind(table.gpm_metrics_get, "nvmlGpmMetricsGet");
}

struct ReturnText {
  abi::Return code;
  std::string_view name;
  std::string_view advice;  // what it means and what to do, "" where the name says it
};

using enum abi::Return;

constexpr auto return_texts = std::to_array<ReturnText>({
    {success, "SUCCESS", ""},
    {uninitialized, "UNINITIALIZED", "the library was not initialised"},
    {invalid_argument, "INVALID_ARGUMENT", ""},
    {not_supported, "NOT_SUPPORTED", "this device does not offer it"},
    {no_permission, "NO_PERMISSION", "this user may not do it; see the permissions of /dev/nvidia*"},
    {not_found, "NOT_FOUND", ""},
    {insufficient_size, "INSUFFICIENT_SIZE", ""},
    {insufficient_power, "INSUFFICIENT_POWER", "external power cables of the device are not attached"},
    {driver_not_loaded, "DRIVER_NOT_LOADED", "the NVIDIA kernel driver is not loaded"},
    {timeout, "TIMEOUT", ""},
    {irq_issue, "IRQ_ISSUE", "the kernel has trouble with the device's interrupts"},
    {library_not_found, "LIBRARY_NOT_FOUND", ""},
    {function_not_found, "FUNCTION_NOT_FOUND", "this version of the library lacks it"},
    {corrupted_inforom, "CORRUPTED_INFOROM", ""},
    {gpu_is_lost, "GPU_IS_LOST",
     "the GPU has fallen off the bus; see the kernel log, reset or power-cycle it"},
    {reset_required, "RESET_REQUIRED", "the GPU must be reset before it can be used again"},
    {operating_system, "OPERATING_SYSTEM", "the operating system or its control groups blocked the request"},
    {lib_rm_version_mismatch, "LIB_RM_VERSION_MISMATCH",
     "library and kernel driver differ in version; reload the driver or reboot"},
    {in_use, "IN_USE", ""},
    {memory, "MEMORY", "out of memory"},
    {no_data, "NO_DATA", ""},
    {insufficient_resources, "INSUFFICIENT_RESOURCES", ""},
    {argument_version_mismatch, "ARGUMENT_VERSION_MISMATCH",
     "the library expects another version of a structure"},
    {not_ready, "NOT_READY", ""},
    {gpu_not_found, "GPU_NOT_FOUND", ""},
    {invalid_state, "INVALID_STATE", ""},
    {unknown, "UNKNOWN", "an error inside the driver; see the kernel log"},
});

}  // namespace

std::string text_of(abi::Return code) {
  const std::string number = std::to_string(static_cast<int>(code));
  const auto* const text = std::ranges::find(return_texts, code, &ReturnText::code);
  if (text == return_texts.end()) return "return code " + number;
  std::string result = std::string(text->name) + " (" + number + ")";
  if (!text->advice.empty()) result.append(": ").append(text->advice);
  return result;
}

NvmlLibrary::NvmlLibrary(void* handle) : handle_(handle) { bind_all(handle, functions_); }

Result<std::unique_ptr<NvmlLibrary>> NvmlLibrary::open(const std::string& path) {
  const int no_library = static_cast<int>(library_not_found);
  void* const handle = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr)
    return Fault{FaultClass::device, std::string("loading the NVIDIA library failed: ") + ::dlerror(),
                 no_library};
  std::unique_ptr<NvmlLibrary> library(new NvmlLibrary(handle));
  if (!library->functions_.init.exists())
    return Fault{FaultClass::device, path + " is not NVML: it has no nvmlInit_v2", no_library};
  const abi::Return code = library->functions_.init();
  if (code != success)
    return Fault{FaultClass::device, "nvmlInit_v2 of " + path + ": " + text_of(code), static_cast<int>(code)};
  library->initialised_ = true;
  return library;
}

NvmlLibrary::~NvmlLibrary() {
  if (initialised_) functions_.shutdown();
  ::dlclose(handle_);
}

}  // namespace flopwatt::nvidia
