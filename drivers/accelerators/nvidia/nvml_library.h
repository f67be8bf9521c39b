// libnvidia-ml.so.1, loaded while the program runs, as a table of functions. It is loaded with RTLD_LOCAL:
// other vendors' libraries export the same names. Used in the guest process only; one thread.
#pragma once

#include <memory>
#include <string>

#include "drivers/accelerators/nvidia/nvml_abi.h"
#include "readings/result.h"

namespace flopwatt::nvidia {

/// A function of the library. A function that the library lacks answers function_not_found, since older
/// drivers lack newer functions.
template <class... Parameters>
class Function {
 public:
  using Pointer = abi::Return (*)(Parameters...);

  abi::Return operator()(Parameters... arguments) const {
    return pointer_ == nullptr ? abi::Return::function_not_found : pointer_(arguments...);
  }
  [[nodiscard]] bool exists() const { return pointer_ != nullptr; }
  void bind(void* symbol) { pointer_ = reinterpret_cast<Pointer>(symbol); }

 private:
  Pointer pointer_ = nullptr;
};

/// Named as in NVML, without the prefix and the version of the symbol. The library gives power in mW, energy
/// in mJ, clocks in MHz, temperatures in degrees Celsius and memory in bytes.
struct NvmlFunctions {
  Function<> init;
  Function<> shutdown;
  Function<char*, unsigned> system_get_driver_version;
  Function<unsigned*> device_get_count;
  Function<unsigned, abi::Device*> device_get_handle_by_index;
  Function<abi::Device, abi::PciInfo*> device_get_pci_info;
  Function<abi::Device, char*, unsigned> device_get_name, device_get_uuid, device_get_serial;
  Function<abi::Device, int*, int*> device_get_cuda_compute_capability;
  Function<abi::Device, unsigned*> device_get_num_gpu_cores;  ///< CUDA cores of the whole device
  Function<abi::Device, unsigned*> device_get_power_usage;
  Function<abi::Device, std::uint64_t*> device_get_total_energy_consumption;
  Function<abi::Device, unsigned*> device_get_enforced_power_limit;
  Function<abi::Device, abi::Utilization*> device_get_utilization_rates;
  Function<abi::Device, int, unsigned*> device_get_clock_info;
  Function<abi::Device, int, unsigned*> device_get_temperature;
  Function<abi::Device, abi::Temperature*> device_get_temperature_v;
  Function<abi::Device, abi::Memory*> device_get_memory_info;
  Function<abi::Device, int, abi::FieldValue*> device_get_field_values;
  Function<abi::Device, abi::GpmSupport*> gpm_query_device_support;
  Function<abi::GpmSample*> gpm_sample_alloc;
  Function<abi::GpmSample> gpm_sample_free;
  Function<abi::Device, abi::GpmSample> gpm_sample_get;
  Function<abi::GpmMetricsGet*> gpm_metrics_get;
};

class NvmlLibrary {
 public:
  /// Loads and initialises. Fault::code is library_not_found (12) where there is no such file or it is not
  /// NVML, else what nvmlInit_v2 returned.
  [[nodiscard]] static Result<std::unique_ptr<NvmlLibrary>> open(const std::string& path);

  NvmlLibrary(const NvmlLibrary&) = delete;
  NvmlLibrary& operator=(const NvmlLibrary&) = delete;
  ~NvmlLibrary();

  [[nodiscard]] const NvmlFunctions& functions() const { return functions_; }

 private:
  explicit NvmlLibrary(void* handle);

  void* handle_;
  bool initialised_ = false;
  NvmlFunctions functions_;
};

/// "GPU_IS_LOST (15): the GPU has fallen off the bus ..."; the number alone where it has no name.
[[nodiscard]] std::string text_of(abi::Return code);

}  // namespace flopwatt::nvidia
