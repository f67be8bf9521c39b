#include "library.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <utility>

namespace rack::nvml {
namespace {

// A handle is the address of its place in here: it outlives every shutdown, as callers may keep it that long.
std::array<char, kMaxGpus> tokens;

struct Shared {
  std::mutex mutex;
  LibraryPtr library;
  unsigned references = 0;
};

// Never destroyed: a program's other threads may still be in a call while it exits.
Shared& shared() {
  static auto* const instance = new Shared;
  return *instance;
}

}  // namespace

Return initialize(bool may_lack_gpus) {
  Shared& here = shared();
  LibraryPtr entered;
  {
    const std::lock_guard lock(here.mutex);
    if (here.references == 0) {
      // Without a rack there is no driver, as on a machine without GPUs.
      const char* path = std::getenv("RACK_STATE");
      if (!path) return kDriverNotLoaded;
      try {
        StatePtr state = open_state(path);
        Load load = load_file(state->load_path.data());
        auto sensed = std::make_unique<SensedEnergy[]>(load.gpus.size());
        here.library = std::make_shared<Library>(Library{std::move(load), state, std::move(sensed)});
      } catch (const std::exception&) {
        return kDriverNotLoaded;
      }
      if (here.library->load.gpus.empty() && !may_lack_gpus) return kNotFound;
    }
    ++here.references;
    entered = here.library;
  }
  // A hang must not keep the lock.
  suffer(entered->state->library);
  return kSuccess;
}

Return shut_down() {
  Shared& here = shared();
  const std::lock_guard lock(here.mutex);
  if (here.references > 0 && --here.references == 0) here.library.reset();
  return kSuccess;
}

LibraryPtr library() {
  Shared& here = shared();
  const std::lock_guard lock(here.mutex);
  return here.references > 0 ? here.library : nullptr;
}

Device handle_of(std::size_t index) { return reinterpret_cast<Device>(&tokens[index]); }

std::size_t index_of(const void* handle, const Library& entered) {
  const auto* token = static_cast<const char*>(handle);
  const std::less<const char*> before;
  if (!token || before(token, tokens.data()) || !before(token, tokens.data() + entered.load.gpus.size()))
    return SIZE_MAX;
  return static_cast<std::size_t>(token - tokens.data());
}

Return suffer(GpuSwitches& switches) {
  // A crash "once" is taken off by the call that dies of it, so that the next process lives.
  std::int64_t once = 2;
  if (switches[GpuFault::crash].compare_exchange_strong(once, 0) || switches[GpuFault::crash].load())
    std::abort();
  while (switches[GpuFault::hang].load()) usleep(50'000);
  return switches[GpuFault::lost].load() ? kGpuIsLost : kSuccess;
}

std::uint64_t GpuNow::energy_counter_mj() const {
  if (switches()[GpuFault::energy_zero].load()) return 0;
  const double stopped = since(GpuFault::energy_freeze);
  const double at = std::isnan(stopped) ? t : std::min(stopped, t);
  return energy_mj(gpu(), at, since(GpuFault::energy_reset), library.sensed[index]);
}

Return copy_text(const std::string& text, char* buffer, unsigned size) {
  if (text.size() >= size) return kInsufficientSize;
  std::memcpy(buffer, text.c_str(), text.size() + 1);
  return kSuccess;
}

}  // namespace rack::nvml
