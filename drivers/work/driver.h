// The driver of counted work: receives lines of workloads in the form of statsd and DogStatsD (line.h), and
// passes the counted work to the agent.
#pragma once

#include <memory>

#include "config/config.h"
#include "drivers/driver.h"

namespace flopwatt::work {

/// Has no sources of its own: counted work becomes part of the reading sets of accelerators and scopes.
class WorkDriver : public Driver {
 public:
  /// Opens and closes only the sockets that have changed. Counts and running totals stay. Metering loop.
  virtual void apply(const WorkConfig& config) = 0;
};

/// Without `work.statsd` the driver waits for a configuration that has one. `intake` must outlive the driver.
/// run() is to be called once.
[[nodiscard]] std::unique_ptr<WorkDriver> make_driver(const Config& config, WorkIntake& intake);

}  // namespace flopwatt::work
