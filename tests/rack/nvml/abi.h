// The binary interface of libnvidia-ml.so.1 as far as the stand-in speaks it: codes, enumerations and structs
// with the layouts of x86-64 Linux. Written from the interface's sizes and offsets, not from a header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rack::nvml {

using Return = int;
inline constexpr Return kSuccess = 0;
inline constexpr Return kUninitialized = 1;
inline constexpr Return kInvalidArgument = 2;
inline constexpr Return kNotSupported = 3;
inline constexpr Return kNotFound = 6;
inline constexpr Return kInsufficientSize = 7;
inline constexpr Return kDriverNotLoaded = 9;
inline constexpr Return kGpuIsLost = 15;
inline constexpr Return kNoData = 21;
inline constexpr Return kVersionMismatch = 25;
inline constexpr Return kUnknown = 999;

// Opaque to callers.
using Device = struct DeviceToken*;
using GpmSample = struct GpmSampleData*;

enum ValueType : std::uint32_t { kDouble = 0, kUnsigned = 1, kUnsignedLongLong = 3 };

struct PciInfo {
  char bus_id_legacy[16];
  std::uint32_t domain;
  std::uint32_t bus;
  std::uint32_t device;
  std::uint32_t pci_device_id;
  std::uint32_t pci_subsystem_id;
  char bus_id[32];
};
static_assert(sizeof(PciInfo) == 68 && offsetof(PciInfo, bus_id) == 36);

struct Utilization {
  std::uint32_t gpu;
  std::uint32_t memory;
};
static_assert(sizeof(Utilization) == 8);

struct Memory {
  std::uint64_t total;
  std::uint64_t free;
  std::uint64_t used;
};
static_assert(sizeof(Memory) == 24);

struct MemoryV2 {
  std::uint32_t version;
  std::uint64_t total;
  std::uint64_t reserved;
  std::uint64_t free;
  std::uint64_t used;
};
static_assert(sizeof(MemoryV2) == 40 && offsetof(MemoryV2, total) == 8);

union Value {
  double as_double;
  std::uint32_t as_unsigned;
  std::uint64_t as_unsigned_long_long;
};
static_assert(sizeof(Value) == 8);

struct FieldValue {
  std::uint32_t field_id;
  std::uint32_t scope_id;
  std::int64_t timestamp;  // us since 1970
  std::int64_t latency_usec;
  std::uint32_t value_type;
  Return status;
  Value value;
};
static_assert(sizeof(FieldValue) == 40 && offsetof(FieldValue, status) == 28 &&
              offsetof(FieldValue, value) == 32);

struct GpmSupport {
  std::uint32_t version;
  std::uint32_t is_supported;
};
static_assert(sizeof(GpmSupport) == 8);

struct GpmMetric {
  std::uint32_t metric_id;
  Return status;
  double value;
  const char* short_name;
  const char* long_name;
  const char* unit;
};
static_assert(sizeof(GpmMetric) == 40 && offsetof(GpmMetric, value) == 8);

// The array has grown from release to release and is not part of the version, so only the entries that the
// caller counts are touched.
struct GpmMetricsGet {
  std::uint32_t version;
  std::uint32_t count;
  GpmSample sample1;
  GpmSample sample2;
  GpmMetric metrics[1];
};
static_assert(offsetof(GpmMetricsGet, sample1) == 8 && offsetof(GpmMetricsGet, metrics) == 24);

inline constexpr std::uint32_t kMaxGpmMetrics = 333;
inline constexpr std::uint32_t kMemoryV2Version = 0x02000028;

}  // namespace rack::nvml

#define RACK_NVML_EXPORT extern "C" __attribute__((visibility("default")))
