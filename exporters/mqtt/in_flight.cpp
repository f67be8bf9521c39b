#include "exporters/mqtt/in_flight.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace flopwatt::mqtt {

void InFlight::set_limit(std::size_t limit) {
  limit_ = std::clamp<std::size_t>(limit, 1, std::max<std::size_t>(1, slots_.size()));
}

bool InFlight::has_room(Lane lane) const {
  if (used_ >= std::min(limit_, slots_.size())) return false;
  if (lane == Lane::live) return true;
  return live_waiting_ == 0 && replay_used_ < std::max<std::size_t>(1, limit_ / 2);
}

std::size_t InFlight::add(const std::shared_ptr<Acknowledgements>& acknowledgements, MessageFacts facts,
                          Lane lane, SteadyTime now) {
  const auto slot = std::ranges::find(slots_, nullptr, &Slot::acknowledgements);
  if (slot == slots_.end()) throw std::logic_error("no free slot for an MQTT message");
  facts.sent = now;
  *slot = {acknowledgements, acknowledgements->reasons.size(), std::move(facts), lane};
  acknowledgements->reasons.emplace_back();
  ++acknowledgements->unanswered;
  if (used_++ == 0) last_progress_ = now;
  if (lane == Lane::replay) ++replay_used_;
  return static_cast<std::size_t>(slot - slots_.begin());
}

void InFlight::answered(std::size_t slot, int reason, SteadyTime now) {
  last_progress_ = now;
  release(slots_.at(slot), reason);
}

std::vector<MessageFacts> InFlight::give_up() {
  std::vector<MessageFacts> lost;
  for (Slot& slot : slots_) {
    if (!slot.acknowledgements) continue;
    lost.push_back(slot.facts);
    release(slot, std::nullopt);
  }
  return lost;
}

void InFlight::release(Slot& slot, std::optional<int> reason) {
  if (!slot.acknowledgements) throw std::logic_error("an MQTT message was answered twice");
  slot.acknowledgements->reasons.at(slot.message) = reason;
  --slot.acknowledgements->unanswered;
  --used_;
  if (slot.lane == Lane::replay) --replay_used_;
  slot = {};
}

}  // namespace flopwatt::mqtt
