#include "exporters/mqtt/in_flight.h"

#include <algorithm>
#include <stdexcept>

namespace flopwatt::mqtt {

bool InFlight::has_room(Lane lane) const {
  if (used_ >= slots_.size()) return false;
  if (lane == Lane::live) return true;
  return live_waiting_ == 0 && replay_used_ < std::max<std::size_t>(1, slots_.size() / 2);
}

std::size_t InFlight::add(const std::shared_ptr<Acknowledgements>& acknowledgements, const Topic& topic,
                          Lane lane, SteadyTime now) {
  const auto slot = std::ranges::find(slots_, nullptr, &Slot::acknowledgements);
  if (slot == slots_.end()) throw std::logic_error("no free slot for an MQTT message");
  *slot = {acknowledgements, topic, lane};
  ++acknowledgements->unanswered;
  if (used_++ == 0) last_progress_ = now;
  if (lane == Lane::replay) ++replay_used_;
  return static_cast<std::size_t>(slot - slots_.begin());
}

void InFlight::answered(std::size_t slot, const std::optional<Fault>& fault, SteadyTime now) {
  last_progress_ = now;
  release(slots_.at(slot), fault);
}

void InFlight::fail_all(const Fault& fault) {
  for (Slot& slot : slots_)
    if (slot.acknowledgements) release(slot, fault);
}

void InFlight::release(Slot& slot, const std::optional<Fault>& fault) {
  if (!slot.acknowledgements) throw std::logic_error("an MQTT message was answered twice");
  if (fault && !slot.acknowledgements->fault) slot.acknowledgements->fault = fault;
  --slot.acknowledgements->unanswered;
  --used_;
  if (slot.lane == Lane::replay) --replay_used_;
  slot = {};
}

}  // namespace flopwatt::mqtt
