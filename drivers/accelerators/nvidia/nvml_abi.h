// The part of NVML's binary interface that flopwatt uses, declared here because its header may not be there
// when flopwatt is built. Layouts are those of x86-64 and AArch64 Linux (LP64) and stable across drivers;
// names of symbols and their units stand in nvml_library.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flopwatt::nvidia::abi {

/// nvmlReturn_t. A library may return numbers that are not named here.
enum class Return : int {
  success = 0,
  uninitialized = 1,
  invalid_argument = 2,
  not_supported = 3,
  no_permission = 4,
  not_found = 6,
  insufficient_size = 7,
  insufficient_power = 8,
  driver_not_loaded = 9,
  timeout = 10,
  irq_issue = 11,
  library_not_found = 12,
  function_not_found = 13,
  corrupted_inforom = 14,
  gpu_is_lost = 15,
  reset_required = 16,
  operating_system = 17,
  lib_rm_version_mismatch = 18,
  in_use = 19,
  memory = 20,
  no_data = 21,
  insufficient_resources = 23,
  argument_version_mismatch = 25,
  not_ready = 27,
  gpu_not_found = 28,
  invalid_state = 29,
  unknown = 999,
};

struct DeviceObject;
struct GpmSampleObject;
using Device = DeviceObject*;        ///< nvmlDevice_t, which only the library looks into
using GpmSample = GpmSampleObject*;  ///< nvmlGpmSample_t, which only the library looks into

inline constexpr unsigned name_size = 96;
inline constexpr unsigned uuid_size = 96;
inline constexpr unsigned serial_size = 30;
inline constexpr unsigned version_size = 80;

inline constexpr int clock_sm = 1;
inline constexpr int temperature_sensor_gpu = 0;

/// nvmlPciInfo_t: where a device sits on the PCI bus.
struct PciInfo {
  char bus_id_legacy[16];
  std::uint32_t domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];  ///< printed as "%08X:%02X:%02X.0"
};
static_assert(sizeof(PciInfo) == 68 && offsetof(PciInfo, domain) == 16 && offsetof(PciInfo, bus_id) == 36);

/// nvmlUtilization_t: share of the last sample period in per cent.
struct Utilization {
  std::uint32_t gpu, memory;
};
static_assert(sizeof(Utilization) == 8);

/// nvmlMemory_t, bytes; `used` includes what the driver reserves
struct Memory {
  std::uint64_t total, free, used;
};
static_assert(sizeof(Memory) == 24);

/// nvmlTemperature_v1_t. The caller sets version and sensor, the library sets celsius.
struct Temperature {
  std::uint32_t version = 0x0100000C;
  std::uint32_t sensor = 0;
  std::int32_t celsius = 0;
};
static_assert(sizeof(Temperature) == 12);

enum class ValueType : int { f64 = 0, u32 = 1, ulong = 2, u64 = 3, i64 = 4, i32 = 5, u16 = 6 };

union Value {
  double f64;
  std::uint32_t u32;
  std::uint64_t u64;
  std::int64_t i64;
  std::int32_t i32;
  std::uint16_t u16;
};

inline constexpr std::uint32_t field_total_energy = 83;    ///< mJ since the driver was loaded
inline constexpr std::uint32_t field_power_instant = 186;  ///< mW; the instant power, no mean

/// nvmlFieldValue_t. The caller sets both ids, the library sets the rest.
struct FieldValue {
  std::uint32_t field_id = 0;
  std::uint32_t scope_id = 0;
  std::int64_t timestamp_us = 0;  ///< since 1970, by the host's clock
  std::int64_t latency_us = 0;
  ValueType value_type = ValueType::f64;
  Return status = Return::success;  ///< of this entry; the call may succeed while it failed
  Value value = {};
};
static_assert(sizeof(FieldValue) == 40 && offsetof(FieldValue, timestamp_us) == 8 &&
              offsetof(FieldValue, value_type) == 24 && offsetof(FieldValue, status) == 28 &&
              offsetof(FieldValue, value) == 32);

/// nvmlGpmSupport_t: whether a device offers GPU performance monitoring.
struct GpmSupport {
  std::uint32_t version = 1;
  std::uint32_t is_supported = 0;
};
static_assert(sizeof(GpmSupport) == 8);

inline constexpr std::uint32_t gpm_dfma_tensor = 6;
inline constexpr std::uint32_t gpm_hmma_tensor = 7;
inline constexpr std::uint32_t gpm_imma_tensor = 9;
inline constexpr std::uint32_t gpm_fp64 = 11;
inline constexpr std::uint32_t gpm_fp32 = 12;
inline constexpr std::uint32_t gpm_fp16 = 13;
/// SM cycles since the device started, at the second sample: libraries of CUDA 13.2 and later. Whether of one
/// SM or of all together is not documented.
inline constexpr std::uint32_t gpm_sm_cycles_elapsed = 248;

/// nvmlGpmMetric_t: one metric between two samples. The library owns the texts.
struct GpmMetric {
  std::uint32_t metric_id = 0;
  Return status = Return::success;
  double value = 0;
  char* short_name = nullptr;
  char* long_name = nullptr;
  char* unit = nullptr;
};
static_assert(sizeof(GpmMetric) == 40 && offsetof(GpmMetric, value) == 8);

/// Length of the array behind nvmlGpmMetricsGet_t. It grew from 98 to 333 entries while the version stayed 1,
/// so a library may clear as many as it knows: always hand over the longest.
inline constexpr std::size_t gpm_metric_capacity = 333;

/// nvmlGpmMetricsGet_t. The caller sets version, count, both samples and the ids of the metrics.
struct GpmMetricsGet {
  std::uint32_t version = 1;
  std::uint32_t count = 0;
  GpmSample first = nullptr;
  GpmSample second = nullptr;
  GpmMetric metrics[gpm_metric_capacity];
};
static_assert(offsetof(GpmMetricsGet, first) == 8 && offsetof(GpmMetricsGet, second) == 16 &&
              offsetof(GpmMetricsGet, metrics) == 24 &&
              sizeof(GpmMetricsGet) == 24 + 40 * gpm_metric_capacity);

}  // namespace flopwatt::nvidia::abi
