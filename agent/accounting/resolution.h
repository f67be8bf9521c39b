// Resolution of a source's values, in the unit that accounting sums in.
#pragma once

#include "readings/source.h"

namespace flopwatt::accounting {

/// In the unit of the sums (J, W, FLOP): the field's scale and step, times the factor of the unit.
struct Resolution {
  Wire wire = Wire::f64;
  double scale = 1.0;
  double coarsest = 0.0;  ///< the step of a source that is coarser than its wire type, else 0
  double learned = 0.0;   ///< the step seen in its growth (register_step.h), else 0

  /// The step at `value`: one raw unit of an integer; of a float the distance to the next larger float.
  /// That distance grows with the meter's age: a float32 register in kWh has 0.98 Wh at 10,000 kWh and 7.8
  /// Wh at 100,000 kWh.
  [[nodiscard]] double at(double value) const;
  /// The step at `value` by the type alone.
  [[nodiscard]] double of_type(double value) const;
};

/// `factor`: from the field's held unit to the unit of the sums (Wh to J: 3600).
[[nodiscard]] Resolution resolution_of(const Field& field, double factor);

}  // namespace flopwatt::accounting
