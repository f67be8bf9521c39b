#include "config/profiles/meter_profile.h"

#include <algorithm>

#include "config/profiles/read_register_type.h"

namespace flopwatt {

std::uint16_t width_of(Wire wire) {
  switch (wire) {
    case Wire::u8:
    case Wire::u16:
    case Wire::i16:
      return 1;
    case Wire::u32:
    case Wire::i32:
    case Wire::f32:
      return 2;
    case Wire::u64:
    case Wire::i64:
    case Wire::f64:
      return 4;
  }
  return 1;
}

std::uint16_t Register::width() const { return width_of(wire); }

std::uint16_t ScaleRegister::width() const { return width_of(wire); }

std::uint16_t IdentifyingRegister::width() const {
  return text_registers > 0 ? text_registers : width_of(wire);
}

bool MeterProfile::has(Channel channel) const {
  if (sunspec && (channel == Channel{.quantity = Quantity::active_power} ||
                  channel == Channel{.quantity = Quantity::energy_import}))
    return true;
  return std::ranges::find(registers, channel, &Register::channel) != registers.end();
}

}  // namespace flopwatt
