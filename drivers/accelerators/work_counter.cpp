#include "drivers/accelerators/work_counter.h"

namespace flopwatt::accelerators {

const Work* WorkCounter::advance(const std::optional<Work>& increment, bool sampled) {
  if (increment && increment->is_finite()) {
    total_ += *increment;
  } else if (started_ || !sampled) {
    return nullptr;
  }
  started_ = true;  // the very first sample is where counting begins, from zero
  return &total_;
}

}  // namespace flopwatt::accelerators
