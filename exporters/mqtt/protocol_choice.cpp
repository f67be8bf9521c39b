#include "exporters/mqtt/protocol_choice.h"

namespace flopwatt::mqtt {

bool ProtocolChoice::mqtt_5(SteadyTime now) const {
  if (configured_ != Protocol::automatic) return configured_ == Protocol::mqtt_5;
  return !fall_back_ || (fall_back_works_ && now - tried_5_ >= new_try);
}

void ProtocolChoice::connected(bool mqtt_5, SteadyTime now) {
  closings_ = 0;
  fall_back_ = fall_back_works_ = !mqtt_5;
  if (!mqtt_5) return;
  mqtt_5_works_ = true;
  tried_5_ = now;
}

void ProtocolChoice::failed(bool mqtt_5, Failure failure, SteadyTime now) {
  if (!mqtt_5) {
    if (!fall_back_works_) fall_back_ = false;
    return;
  }
  tried_5_ = now;
  if (fall_back_works_) return;
  closings_ = failure == Failure::closed_without_answer ? closings_ + 1 : 0;
  if (failure != Failure::version_refused && (mqtt_5_works_ || closings_ < most_closings)) return;
  fall_back_ = true;
  closings_ = 0;
}

}  // namespace flopwatt::mqtt
