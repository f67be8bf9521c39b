#include "drivers/modbus/why_absent.h"

#include <cstddef>
#include <optional>

#include "drivers/modbus/fault_text.h"
#include "readings/plausible.h"
#include "readings/reading_set.h"

namespace flopwatt::modbus {

std::string why_absent(const AdaptiveReads& reads, const MeterValues& values, Channel channel,
                       SteadyTime now) {
  std::optional<std::size_t> answered;  // a register with that channel
  for (const AdaptiveReads::Read& read : reads.reads()) {
    for (const ReadSlot& slot : read.planned.slots) {
      if (values.registers()[slot.register_index].channel != channel) continue;
      if (read.set_aside)
        return read.fault + " (it is asked for again after a new connection, at the latest " +
               time_until(read.retest_at, now) + ")";
      if (!read.fault.empty()) return read.fault;
      answered = slot.register_index;
    }
  }
  if (!answered) return "";
  const Register& reg = values.registers()[*answered];
  const std::string place =
      "register " + std::to_string(reg.address) + " (function " + std::to_string(reg.function) + ")";
  if (values.lacks_factor(*answered)) return "the scale register of " + place + " holds no valid factor";
  if (const double told = values.told(*answered); is_known(told))
    return place + " holds " +
           beyond_plausible(channel.quantity, told, find_row(SourceKind::meter, channel)->unit) +
           "; check its address, type, word_order, scale and unit";
  return place + " holds the meter's mark for 'not available'";
}

}  // namespace flopwatt::modbus
