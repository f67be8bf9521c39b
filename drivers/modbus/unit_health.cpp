#include "drivers/modbus/unit_health.h"

#include <algorithm>

namespace flopwatt::modbus {
namespace {

using std::chrono::microseconds;

constexpr unsigned silences_to_quarantine = 3;

microseconds part_of(microseconds whole, double part) {
  return microseconds(static_cast<microseconds::rep>(static_cast<double>(whole.count()) * part));
}

}  // namespace

UnitState state_after(const Fault& fault) {
  if (const Consequences* refusal = consequences_of(fault)) return refusal->unit;
  if (fault.fault_class == FaultClass::timeout) return UnitState::silent;
  return fault.fault_class == FaultClass::device ? UnitState::misconfigured : UnitState::failing;
}

void UnitHealth::answered() {
  failing_ = quarantined_ = false;
  silences_ = 0;
  backoff_.succeed();
}

void UnitHealth::failed(UnitState state, SteadyTime now, bool shares_line, double chance) {
  failing_ = true;
  silences_ = state == UnitState::silent ? silences_ + 1 : 0;
  backoff_.fail(now, chance);
  // The back-off takes up to a quarter off its wait.
  const bool longest = backoff_.retry_at() - now >= part_of(longest_backoff, 0.75);
  quarantined_ = silences_ >= silences_to_quarantine && (shares_line || longest);
  if (quarantined_)
    retry_at_ = now + part_of(std::max<microseconds>(longest_backoff, interval_), 1 + chance / 4);
  else if (state == UnitState::misconfigured)
    retry_at_ = now + part_of(longest_backoff, 1 - chance / 2);
  else
    retry_at_ = backoff_.retry_at();
}

}  // namespace flopwatt::modbus
