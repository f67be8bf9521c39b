// How finely a source tells a value: its least significant bit, in the unit that accounting sums in.
#pragma once

#include "readings/source.h"

namespace flopwatt::accounting {

/// Held in the unit of the sums (J, W, FLOP): the field's scale and step times the unit's factor.
struct Resolution {
  Wire wire = Wire::f64;
  double scale = 1.0;
  double coarsest = 0.0;  ///< the step where the source is coarser than its wire type tells, else 0

  /// The step at `value`: one raw unit of an integer; of a float the distance to its next larger neighbour,
  /// which grows with the meter's age (a float32 register in kWh: 0.98 Wh at 10,000 kWh, 7.8 Wh at 100,000
  /// kWh).
  [[nodiscard]] double at(double value) const;
};

/// `factor` turns the field's held unit into the unit of the sums (Wh to J: 3600).
[[nodiscard]] Resolution resolution_of(const Field& field, double factor);

}  // namespace flopwatt::accounting
