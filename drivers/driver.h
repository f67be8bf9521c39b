// What a driver is to the agent, and what the agent is to a driver. All calls are made on the metering loop.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/work_intake.h"
#include "readings/fault.h"
#include "readings/metric_family.h"
#include "readings/reading_set.h"

namespace flopwatt {

/// Where drivers hand in what they read. Implemented by the agent; called on the metering loop only.
class Intake {
 public:
  virtual ~Intake() = default;

  /// A source exists from now on (it may not have answered yet). Its name is unique.
  virtual SourceId add(SourcePtr source) = 0;
  /// The source has learnt its identity, or was replaced: holds for the sets that follow.
  virtual void describe(SourceId id, SourcePtr source) = 0;
  /// One poll answered. `lateness`: how long after its due time the poll began; `duration`: how long it took.
  virtual void accept(SourceId id, ReadingSet set, std::chrono::microseconds lateness,
                      std::chrono::microseconds duration) = 0;
  /// One poll failed. Counted by class; the source keeps its last reading until it is stale.
  virtual void fail(SourceId id, Fault fault, std::chrono::microseconds lateness,
                    std::chrono::microseconds duration) = 0;
  /// The source is no longer configured: its series and its status end. Its id is not used again.
  virtual void remove(SourceId id) = 0;
  /// Beats that were missed because the poll before, or the bus, took too long.
  virtual void skip(SourceId id, std::uint64_t beats) = 0;
};

/// Whether a driver knows its sources.
struct Inventory {
  bool complete = true;  ///< it has looked for them once; those that it found are added
  std::string trouble;   ///< what keeps it from knowing them all, "" where nothing does
};

/// A driver: everything of one kind that the configuration names. Made on the metering loop.
class Driver {
 public:
  virtual ~Driver() = default;

  /// Adds its known sources to the intake, then polls until it is cancelled. Ends cleanly within 1 s of
  /// cancellation by throwing or returning; throws otherwise only for bugs.
  virtual boost::asio::awaitable<void> run(Intake& intake) = 0;

  /// After run() has begun. Metering loop.
  [[nodiscard]] virtual Inventory inventory() const { return {}; }
  /// Why the newest set of its source has no value of that channel, or no such field: a part of a sentence,
  /// "" where the driver only knows that the device gave none. Metering loop.
  [[nodiscard]] virtual std::string why_absent(SourceId, Channel) const { return {}; }
  /// What the driver counts of its own work. Only this driver has families of these names. Metering loop.
  [[nodiscard]] virtual std::vector<MetricFamily> metric_families() const { return {}; }
  /// The driver's sections of /api/v1/status; their keys are the driver's alone. Metering loop.
  [[nodiscard]] virtual std::vector<StatusSection> status_sections() const { return {}; }
};

}  // namespace flopwatt
