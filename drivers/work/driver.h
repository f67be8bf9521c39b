// Counted work: receives the lines in which workloads report what they have done, as statsd and DogStatsD
// send them (see line.h), and hands the work to the agent.
#pragma once

#include <memory>

#include "config/config.h"
#include "drivers/driver.h"

namespace flopwatt::work {

/// Its sources are none: what it counts becomes part of the sets of accelerators and scopes.
class WorkDriver : public Driver {
 public:
  /// Opens and closes only the sockets that have changed; counts and running totals stay. Metering loop.
  virtual void apply(const WorkConfig& config) = 0;
};

/// Without `work.statsd` it waits for a configuration that has one. `intake` must outlive it. One call of
/// run() only.
[[nodiscard]] std::unique_ptr<WorkDriver> make_driver(const Config& config, WorkIntake& intake);

}  // namespace flopwatt::work
