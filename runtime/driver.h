// What a driver is to the agent, and what the agent is to a driver. Everything here happens on the metering
// loop.
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

#include "readings/fault.h"
#include "readings/reading_set.h"

namespace flopwatt {

/// A source's number in this process: dense, from 0, given by Intake::add and never reused.
using SourceId = std::uint32_t;

/// Who a line of counted work is for: an accelerator or a scope.
struct WorkTarget {
  bool is_scope = false;
  std::uint32_t id = 0;       ///< among targets of its kind; holds while the target exists
  double peak_rate = absent;  ///< dense peak, FLOP/s: of the device, or of all devices of the scope
};

/// Where the driver of counted work hands in what workloads say. Implemented by the agent; metering loop
/// only.
class WorkIntake {
 public:
  virtual ~WorkIntake() = default;

  /// nullopt: there is none (now). An accelerator by its name, uuid or PCI address.
  [[nodiscard]] virtual std::optional<WorkTarget> find_accelerator(std::string_view who) const = 0;
  [[nodiscard]] virtual std::optional<WorkTarget> find_scope(std::string_view name) const = 0;

  /// `flop` (finite, not negative, may be 0) of that precision (a Place of PlaceKind::precision) were done.
  virtual void count(const WorkTarget& target, Place precision, double flop) = 0;
};

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

/// Lines of counted work that were refused, by reason.
struct RejectedLines {
  std::string_view reason;
  std::uint64_t lines = 0;
};

/// Seconds in which a bus was busy, by the bus's name.
struct BusUse {
  std::string bus;
  double busy_seconds = 0;
};

/// A driver: everything of one kind that the configuration names. Made on the metering loop.
class Driver {
 public:
  virtual ~Driver() = default;

  /// Adds its known sources to the intake, then polls until it is cancelled. Ends cleanly within 1 s of
  /// cancellation by throwing or returning; throws otherwise only for bugs.
  virtual boost::asio::awaitable<void> run(Intake& intake) = 0;

  /// Buses and their use so far. Metering loop.
  [[nodiscard]] virtual std::vector<BusUse> bus_use() const { return {}; }
  /// All reasons there are, also those that have not occurred. Metering loop.
  [[nodiscard]] virtual std::vector<RejectedLines> rejected_lines() const { return {}; }
};

}  // namespace flopwatt
