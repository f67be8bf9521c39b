// Work of an accelerator in floating-point operations, by precision. Pure.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "config/accelerator_table.h"
#include "readings/quantity.h"

namespace flopwatt::accelerators {

struct WorkPart {
  Place precision{};
  double flop = 0;
};

/// Work of one interval, or the count of work since a start, in FLOP. `parts` has each precision once.
struct Work {
  std::vector<WorkPart> parts{};
  double low = 0, high = 0;  ///< bounds of total() that the method leaves open
  double spread = 0;         ///< half-width of total() from a clock that moved

  [[nodiscard]] double total() const;
  /// 0 where no part is of that precision.
  [[nodiscard]] double of(Place precision) const;
  [[nodiscard]] bool is_finite() const;
  /// A precision that this work does not have is added at the end.
  Work& operator+=(const Work& other);
};

/// Dense peaks in FLOP/s of a product, by place of a part of work.
using Peaks = std::vector<std::pair<Place, double>>;

/// Those of the data sheet; nothing of a precision that the sheet does not have.
[[nodiscard]] Peaks peaks_of(const Product& product, std::span<const Place> precisions);

/// The precision of which `work` of `seconds` is more than 1.05 times the dense peak: then a coefficient or a
/// sample is wrong. nullopt where all is plausible, or no peak is known.
[[nodiscard]] std::optional<Place> beyond_peak(const Work& work, double seconds, const Peaks& peaks);

}  // namespace flopwatt::accelerators
