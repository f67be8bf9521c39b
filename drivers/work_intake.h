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

/// Where the driver of counted work hands in what workloads say. Implemented by the
/// agent; metering loop only.
class WorkIntake {
 public:
  virtual ~WorkIntake() = default;

  /// nullopt: there is none (now). An accelerator by its name, uuid or PCI address.
  [[nodiscard]] virtual std::optional<WorkTarget> find_accelerator(std::string_view who) const = 0;
  [[nodiscard]] virtual std::optional<WorkTarget> find_scope(std::string_view name) const = 0;

  /// `flop` (finite, not negative, may be 0) of that precision (a Place of PlaceKind::precision) were done.
  virtual void count(const WorkTarget& target, Place precision, double flop) = 0;
};

}  // namespace flopwatt
