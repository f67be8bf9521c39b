#include "drivers/modbus/unit_health.h"

#include <algorithm>

namespace flopwatt::modbus {
namespace {

using std::chrono::microseconds;

constexpr unsigned silences_to_quarantine = 3;

microseconds part_of(microseconds whole, double part) {
  return microseconds(static_cast<microseconds::rep>(static_cast<double>(whole.count()) * part));
}

bool needs_a_person(const Fault& fault) {
  if (fault.fault_class == FaultClass::device) return true;
  return fault.fault_class == FaultClass::exception &&
         (fault.code == 1 || fault.code == 2 || fault.code == 3 || fault.code == 10);
}

}  // namespace

bool is_silence(const Fault& fault) {
  return fault.fault_class == FaultClass::timeout ||
         (fault.fault_class == FaultClass::exception && fault.code == 11);
}

void UnitHealth::answered() {
  failing_ = quarantined_ = false;
  silences_ = 0;
  backoff_.succeed();
}

void UnitHealth::failed(const Fault& fault, SteadyTime now, bool shares_line, double chance) {
  failing_ = true;
  silences_ = is_silence(fault) ? silences_ + 1 : 0;
  backoff_.fail(now, chance);
  // The back-off takes up to a quarter off its wait.
  const bool longest = backoff_.retry_at() - now >= part_of(longest_backoff, 0.75);
  quarantined_ = silences_ >= silences_to_quarantine && (shares_line || longest);
  if (quarantined_)
    retry_at_ = now + part_of(std::max<microseconds>(longest_backoff, interval_), 1 + chance / 4);
  else if (needs_a_person(fault))
    retry_at_ = now + part_of(longest_backoff, 1 - chance / 2);
  else
    retry_at_ = backoff_.retry_at();
}

}  // namespace flopwatt::modbus
