// How the power sensors of NVIDIA's architectures look at the load, as measured on more than 70 cards by Yang,
// Adamek and Armour, "Accurate and Convenient Energy Measurements for GPUs", SC24 (arXiv:2312.02741): the instant
// power, which is what is read where the driver offers it. That the energy counter adds up the same sensor is an
// assumption. Architectures that they have not measured are not known.
#pragma once

#include "readings/source.h"

namespace flopwatt::nvidia {

/// Of a device of that compute capability.
[[nodiscard]] constexpr PowerSensor power_sensor(int major, int minor) {
  using std::chrono::milliseconds;
  constexpr PowerSensor half{milliseconds(10), milliseconds(20)};
  constexpr PowerSensor quarter{milliseconds(25), milliseconds(100)};
  constexpr PowerSensor whole{milliseconds(100), milliseconds(100)};
  switch (10 * major + minor) {
    case 60:  // Pascal
    case 61:
    case 70:  // Volta
      return half;
    case 80:  // GA100
    case 90:  // Hopper
      return quarter;
    case 75:  // Turing
    case 86:  // the other Amperes
    case 89:  // Ada
      return whole;
    default:
      return {};
  }
}

}  // namespace flopwatt::nvidia
