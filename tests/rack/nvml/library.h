// The state of the stand-in library between nvmlInit and nvmlShutdown, and the way every
// exported function enters it.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "abi.h"
#include "load.h"
#include "sensors.h"
#include "state.h"

namespace rack::nvml {

struct Library {
  Load load;
  StatePtr state;
  std::unique_ptr<SensedEnergy[]> sensed;  // by GPU
};
using LibraryPtr = std::shared_ptr<const Library>;

Return initialize(bool may_lack_gpus);
Return shut_down();
// Null before initialisation.
LibraryPtr library();

Device handle_of(std::size_t index);
// SIZE_MAX for what is no handle of this library.
std::size_t index_of(const void* handle, const Library& library);

// One GPU at the moment of a call.
struct GpuNow {
  const Library& library;
  std::size_t index;
  double t;

  const Gpu& gpu() const { return library.load.gpus[index]; }
  GpuSwitches& switches() const { return library.state->gpus[index]; }
  // Since when a fault is on; NaN where it is off.
  double since(GpuFault fault) const {
    const std::int64_t at = switches()[fault].load();
    return at ? library.state->seconds_at(at) : std::numeric_limits<double>::quiet_NaN();
  }
  std::uint64_t energy_counter_mj() const;
  bool has_gpm() const { return gpu().architecture->has_gpm() && switches()[GpuFault::no_gpm].load() == 0; }
};

// Does not return while a hang is switched on for good; ends the process for a crash.
Return suffer(GpuSwitches& switches);

// A call that names no GPU.
template <class F>
Return on_library(bool arguments_good, F f) {
  const LibraryPtr entered = library();
  if (!entered) return kUninitialized;
  if (!arguments_good) return kInvalidArgument;
  if (const Return fault = suffer(entered->state->library); fault != kSuccess && fault != kGpuIsLost)
    return fault;
  return f(*entered);
}

// A call on a GPU; `f` gets a GpuNow.
template <class F>
Return on_device(Device device, bool arguments_good, F f) {
  const LibraryPtr entered = library();
  if (!entered) return kUninitialized;
  const std::size_t index = index_of(device, *entered);
  if (index == SIZE_MAX || !arguments_good) return kInvalidArgument;
  if (const Return fault = suffer(entered->state->gpus[index]); fault != kSuccess) return fault;
  return f(GpuNow{*entered, index, entered->state->now()});
}

Return copy_text(const std::string& text, char* buffer, unsigned size);

}  // namespace rack::nvml
