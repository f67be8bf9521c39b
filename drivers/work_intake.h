// Where counted work goes: the part of the agent that a driver of counted work speaks to.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "readings/reading_set.h"

namespace flopwatt {

/// Who a line of counted work is for: an accelerator or a scope.
struct WorkTarget {
  bool is_scope = false;
  std::uint32_t id = 0;       ///< among targets of its kind; holds while the target exists
  double peak_rate = absent;  ///< dense FLOP/s of the device, or of all of the scope; a bound where unknown
};

/// What was counted. The two are never added to each other.
enum class WorkKind : unsigned char {
  hardware,  ///< what the device has done
  model,     ///< what the algorithm needs
};

/// What one line of a sender adds to the work of its target.
struct WorkLine {
  WorkKind kind = WorkKind::hardware;
  Place precision = Place::unspecified_precision;  ///< a Place of PlaceKind::precision
  double flop = 0;                                 ///< finite, not negative, may be 0
  /// Monotonic time of the line of the same sender from which `flop` has grown, not after `now_us`, however
  /// long ago. nullopt: there was none, and the line does not tell over what time the work was done.
  std::optional<std::int64_t> since_us = std::nullopt;
  std::int64_t now_us = 0;  ///< monotonic time at which the line came
};

/// Where the driver of counted work hands in what workloads say. Implemented by the
/// agent; metering loop only.
class WorkIntake {
 public:
  virtual ~WorkIntake() = default;

  /// nullopt: there is none (now). An accelerator by its name, uuid or PCI address.
  [[nodiscard]] virtual std::optional<WorkTarget> find_accelerator(std::string_view who) const = 0;
  [[nodiscard]] virtual std::optional<WorkTarget> find_scope(std::string_view name) const = 0;

  virtual void count(const WorkTarget& target, const WorkLine& line) = 0;
};

}  // namespace flopwatt
