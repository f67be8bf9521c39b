// Two devices: device n draws 250 W x (n + 1), and its matrix units work for a quarter x (n + 1) of the time.
#include <time.h>

#include <cstdint>
#include <cstdio>

#include "tests/vendors/example/example_abi.h"

namespace {

constexpr unsigned devices = 2;
constexpr double clock_hz = 1e9, watts = 250, share = 0.25, steps_per_joule = 65536;

double seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

int example_open() { return 0; }

int example_count(unsigned* count) {
  *count = devices;
  return 0;
}

int example_describe(unsigned device, example_device_t* out) {
  if (device >= devices) return 1;
  std::snprintf(out->name, sizeof out->name, "Example E1");
  std::snprintf(out->serial, sizeof out->serial, "E-%u", device);
  std::snprintf(out->address, sizeof out->address, "0000:E%u:00.0", device);
  out->units = 64;
  return 0;
}

int example_read(unsigned device, example_state_t* out) {
  if (device >= devices) return 1;
  const unsigned times = device + 1;
  out->power_uw = static_cast<std::uint64_t>(times * watts * 1e6);
  out->energy = static_cast<std::uint64_t>(times * watts * seconds() * steps_per_joule);
  out->busy = static_cast<std::uint8_t>(times * share * 100);
  out->ticks = seconds() * clock_hz;
  out->matrix_ticks = out->ticks * times * share;
  return 0;
}
