#include "exporters/mqtt/in_flight.h"

#include <algorithm>
#include <stdexcept>

namespace flopwatt::mqtt {

bool InFlight::has_room(Lane lane) const {
  if (used_ >= accelerator_numbers_.size()) return false;
  if (lane == Lane::live) return true;
  return live_waiting_ == 0 && replay_used_ < std::max<std::size_t>(1, accelerator_numbers_.size() / 2);
}

std::size_t InFlight::add(const std::shared_ptr<Delivery>& delivery, const Topic& topic, Lane lane,
                          SteadyTime now) {
  const auto slot = std::ranges::find(accelerator_numbers_, nullptr, &Slot::delivery);
  if (slot == accelerator_numbers_.end()) throw std::logic_error("no free slot for an MQTT message");
  *slot = {delivery, topic, lane};
  ++delivery->unanswered;
  if (used_++ == 0) last_progress_ = now;
  if (lane == Lane::replay) ++replay_used_;
  return static_cast<std::size_t>(slot - accelerator_numbers_.begin());
}

void InFlight::answered(std::size_t slot, const std::optional<Fault>& fault, SteadyTime now) {
  last_progress_ = now;
  release(accelerator_numbers_.at(slot), fault);
}

void InFlight::fail_all(const Fault& fault) {
  for (Slot& slot : accelerator_numbers_)
    if (slot.delivery) release(slot, fault);
}

void InFlight::release(Slot& slot, const std::optional<Fault>& fault) {
  if (!slot.delivery) throw std::logic_error("an MQTT message was answered twice");
  if (fault && !slot.delivery->fault) slot.delivery->fault = fault;
  --slot.delivery->unanswered;
  --used_;
  if (slot.lane == Lane::replay) --replay_used_;
  slot = {};
}

}  // namespace flopwatt::mqtt
