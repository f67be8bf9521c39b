// NVIDIA accelerators. Polls the guest that holds NVIDIA's library; each device is a source.
#pragma once

#include <chrono>
#include <memory>

#include "config/accelerator_table.h"
#include "config/config.h"
#include "drivers/accelerators/fleet.h"
#include "drivers/driver.h"
#include "runtime/guest_process.h"

namespace flopwatt::nvidia {

struct DriverSettings {
  /// `--library=` of the configuration is added to its arguments; where the configuration names a socket,
  /// that replaces this one.
  GuestProcess::Settings guest;
  /// From the start of a guest to its hello: without persistence mode the driver starts each device, which
  /// takes seconds.
  std::chrono::milliseconds hello_deadline{30'000};
  /// From the start of a poll to its end. A healthy library answers within tens of milliseconds, under load
  /// within a second; beyond it hangs, and is killed.
  std::chrono::milliseconds poll_deadline{2'000};
  /// How often a library that was not found is looked for.
  std::chrono::milliseconds search_period{60'000};
};

class NvidiaDriver : public Driver {
 public:
  /// The configuration was loaded anew. Where something of it concerns these accelerators, all of them are
  /// removed and the guest is started anew; else nothing happens. `off` leaves none.
  virtual void apply(const Config& config, const AcceleratorTable& table) = 0;
};

/// The driver of `config.nvidia`; without sources where that is `off`. Its guest is a service that listens at
/// /run/flopwatt-smi/nvidia.sock where that socket exists, else this program's `smi nvidia`. Sources are
/// added once the guest has told them. What it needs of both is copied.
[[nodiscard]] std::unique_ptr<NvidiaDriver> make_driver(const Config& config, const AcceleratorTable& table,
                                                        NumberOf number_of);

/// The same with a guest and deadlines of the caller's choice.
[[nodiscard]] std::unique_ptr<NvidiaDriver> make_driver(const Config& config, const AcceleratorTable& table,
                                                        NumberOf number_of, DriverSettings settings);

}  // namespace flopwatt::nvidia
