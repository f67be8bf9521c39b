// Exported functions that concern the library and the system.
#include <strings.h>

#include <cstdio>

#include "library.h"

using namespace rack::nvml;

RACK_NVML_EXPORT Return nvmlInit_v2() { return initialize(false); }

RACK_NVML_EXPORT Return nvmlInitWithFlags(unsigned flags) {
  constexpr unsigned kNoGpus = 1;
  return initialize((flags & kNoGpus) != 0);
}

RACK_NVML_EXPORT Return nvmlShutdown() { return shut_down(); }

RACK_NVML_EXPORT const char* nvmlErrorString(Return code) {
  switch (code) {
    case kSuccess:
      return "Success";
    case kUninitialized:
      return "Uninitialized";
    case kInvalidArgument:
      return "Invalid Argument";
    case kNotSupported:
      return "Not Supported";
    case kNotFound:
      return "Not Found";
    case kInsufficientSize:
      return "Insufficient Size";
    case kDriverNotLoaded:
      return "Driver Not Loaded";
    case kGpuIsLost:
      return "GPU is lost";
    case kNoData:
      return "No data";
    case kVersionMismatch:
      return "Argument version mismatch";
    default:
      return "Unknown Error";
  }
}

RACK_NVML_EXPORT Return nvmlSystemGetDriverVersion(char* version, unsigned length) {
  return on_library(version,
                    [&](const Library& l) { return copy_text(l.load.driver_version, version, length); });
}

RACK_NVML_EXPORT Return nvmlSystemGetNVMLVersion(char* version, unsigned length) {
  return on_library(version,
                    [&](const Library& l) { return copy_text(l.load.nvml_version, version, length); });
}

RACK_NVML_EXPORT Return nvmlSystemGetCudaDriverVersion_v2(int* version) {
  return on_library(version, [&](const Library& l) {
    *version = l.load.cuda_version;
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetCount_v2(unsigned* count) {
  return on_library(count, [&](const Library& l) {
    *count = static_cast<unsigned>(l.load.gpus.size());
    return kSuccess;
  });
}

namespace {

// Getting a handle makes the driver talk to the GPU, so it meets that GPU's faults.
Return hand_out(const Library& l, std::size_t index, Device* device) {
  const Return fault = suffer(l.state->gpus[index]);
  if (fault == kSuccess) *device = handle_of(index);
  return fault;
}

bool same_pci(const rack::PciAddress& pci, const char* text) {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  unsigned function = 0;
  const int fields = std::sscanf(text, "%x:%x:%x.%x", &domain, &bus, &device, &function);
  return fields >= 3 && domain == pci.domain && bus == pci.bus && device == pci.device && function == 0;
}

}  // namespace

RACK_NVML_EXPORT Return nvmlDeviceGetHandleByIndex_v2(unsigned index, Device* device) {
  return on_library(device, [&](const Library& l) {
    return index < l.load.gpus.size() ? hand_out(l, index, device) : kInvalidArgument;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetHandleByUUID(const char* uuid, Device* device) {
  return on_library(uuid && device, [&](const Library& l) {
    for (std::size_t i = 0; i < l.load.gpus.size(); ++i)
      if (strcasecmp(l.load.gpus[i].uuid.c_str(), uuid) == 0) return hand_out(l, i, device);
    return kNotFound;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, Device* device) {
  return on_library(bus_id && device, [&](const Library& l) {
    for (std::size_t i = 0; i < l.load.gpus.size(); ++i)
      if (same_pci(l.load.gpus[i].pci, bus_id)) return hand_out(l, i, device);
    return kNotFound;
  });
}
