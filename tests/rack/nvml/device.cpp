// Exported functions for the identity of a GPU.
#include <cstdio>
#include <cstring>

#include "library.h"

using namespace rack::nvml;
using rack::Gpu;

RACK_NVML_EXPORT Return nvmlDeviceGetUUID(Device device, char* uuid, unsigned length) {
  return on_device(device, uuid, [&](const GpuNow& now) { return copy_text(now.gpu().uuid, uuid, length); });
}

RACK_NVML_EXPORT Return nvmlDeviceGetName(Device device, char* name, unsigned length) {
  return on_device(device, name,
                   [&](const GpuNow& now) { return copy_text(now.gpu().product, name, length); });
}

RACK_NVML_EXPORT Return nvmlDeviceGetSerial(Device device, char* serial, unsigned length) {
  return on_device(device, serial, [&](const GpuNow& now) {
    return now.gpu().serial.empty() ? kNotSupported : copy_text(now.gpu().serial, serial, length);
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetMinorNumber(Device device, unsigned* minor) {
  return on_device(device, minor, [&](const GpuNow& now) {
    *minor = static_cast<unsigned>(now.index);
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetPciInfo_v3(Device device, PciInfo* pci) {
  return on_device(device, pci, [&](const GpuNow& now) {
    const Gpu& gpu = now.gpu();
    std::memset(pci, 0, sizeof *pci);
    pci->domain = gpu.pci.domain;
    pci->bus = gpu.pci.bus;
    pci->device = gpu.pci.device;
    pci->pci_device_id = gpu.pci_device;
    std::snprintf(pci->bus_id_legacy, sizeof pci->bus_id_legacy, "%04X:%02X:%02X.0", gpu.pci.domain & 0xFFFF,
                  gpu.pci.bus & 0xFF, gpu.pci.device & 0xFF);
    std::snprintf(pci->bus_id, sizeof pci->bus_id, "%08X:%02X:%02X.0", gpu.pci.domain, gpu.pci.bus,
                  gpu.pci.device);
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetArchitecture(Device device, unsigned* architecture) {
  return on_device(device, architecture, [&](const GpuNow& now) {
    *architecture = now.gpu().architecture->nvml_id;
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetCudaComputeCapability(Device device, int* major, int* minor) {
  return on_device(device, major && minor, [&](const GpuNow& now) {
    *major = now.gpu().architecture->major;
    *minor = now.gpu().architecture->minor;
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetNumGpuCores(Device device, unsigned* cores) {
  return on_device(device, cores, [&](const GpuNow& now) {
    *cores = now.gpu().cores;
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetMigMode(Device device, unsigned* current, unsigned* pending) {
  return on_device(device, current && pending, [&](const GpuNow& now) {
    if (!now.gpu().architecture->has_mig()) return kNotSupported;
    *current = *pending = 0;
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetMemoryInfo(Device device, Memory* memory) {
  return on_device(device, memory, [&](const GpuNow& now) {
    const Gpu& gpu = now.gpu();
    *memory = {gpu.memory_total, gpu.memory_total - gpu.memory_used, gpu.memory_used};
    return kSuccess;
  });
}

RACK_NVML_EXPORT Return nvmlDeviceGetMemoryInfo_v2(Device device, MemoryV2* memory) {
  return on_device(device, memory, [&](const GpuNow& now) {
    if (memory->version != kMemoryV2Version) return kVersionMismatch;
    const Gpu& gpu = now.gpu();
    const std::uint64_t reserved = std::min(gpu.memory_used, gpu.memory_total / 128);
    *memory = {kMemoryV2Version, gpu.memory_total, reserved, gpu.memory_total - gpu.memory_used,
               gpu.memory_used - reserved};
    return kSuccess;
  });
}
