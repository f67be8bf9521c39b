#include "config/profiles/invert.h"

namespace flopwatt {

std::vector<Register> inverted(std::vector<Register> registers) {
  std::erase_if(registers, [](const Register& reg) {
    return reg.channel.quantity == Quantity::energy_import && reg.channel.place == Place::branch;
  });
  for (Register& reg : registers) {
    Quantity& quantity = reg.channel.quantity;
    if (quantity == Quantity::energy_import)
      quantity = Quantity::energy_export;
    else if (quantity == Quantity::energy_export)
      quantity = Quantity::energy_import;
    else if (quantity == Quantity::active_power || quantity == Quantity::reactive_power)
      reg.scale = -reg.scale;
  }
  return registers;
}

}  // namespace flopwatt
