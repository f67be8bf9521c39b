// The accelerators of one vendor. Polls the guest that holds the vendor's library; each device is a source.
#pragma once

#include <chrono>
#include <memory>

#include "config/accelerator_table.h"
#include "config/config.h"
#include "drivers/accelerators/fleet.h"
#include "drivers/accelerators/vendor.h"
#include "drivers/driver.h"
#include "runtime/guest_process.h"

namespace flopwatt::accelerators {

struct DriverSettings {
  /// `--library=` of the configuration is added to its arguments; where the configuration names a socket,
  /// that replaces this one.
  GuestProcess::Settings guest;
  /// From the start of a guest to its hello: a vendor's driver may start each device first, which takes
  /// seconds (NVIDIA's without persistence mode).
  std::chrono::milliseconds hello_deadline{30'000};
  /// From the start of a poll to its end. A healthy library answers within tens of milliseconds, under load
  /// within a second; beyond it hangs, and is killed.
  std::chrono::milliseconds poll_deadline{2'000};
  /// How often a library that was not found is looked for.
  std::chrono::milliseconds search_period{60'000};
  /// From the start of a search for the library to its end. Searches of local directories take milliseconds.
  std::chrono::milliseconds search_deadline{2'000};
};

class AcceleratorDriver : public Driver {
 public:
  /// The configuration was loaded anew. Where something of it concerns these accelerators, all of them are
  /// removed and the guest is started anew; else nothing happens. A name concerns them where its address was
  /// seen. `off` leaves none.
  virtual void apply(const Config& config, const AcceleratorTable& table) = 0;
};

/// The driver of the vendor's accelerators in `config`; without sources where they are `off`. Its guest is a
/// service that listens at /run/flopwatt-smi/<vendor>.sock where that socket exists, else this program's
/// `smi <vendor>`; at `auto` the latter is started only where the library is installed. Sources are added
/// once the guest has told them. What it needs of `config` and `table` is copied; `vendor` must outlive it.
[[nodiscard]] std::unique_ptr<AcceleratorDriver> make_driver(const Vendor& vendor, const Config& config,
                                                             const AcceleratorTable& table,
                                                             NumberOf number_of);

/// The same with a guest and deadlines of the caller's choice.
[[nodiscard]] std::unique_ptr<AcceleratorDriver> make_driver(const Vendor& vendor, const Config& config,
                                                             const AcceleratorTable& table,
                                                             NumberOf number_of, DriverSettings settings);

}  // namespace flopwatt::accelerators
