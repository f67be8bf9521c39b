#include "drivers/accelerators/work_counter.h"

namespace flopwatt::accelerators {

std::optional<Work> WorkCounter::advance(const std::optional<Work>& increment, bool sampled) {
  if (increment) {
    total_ += *increment;
  } else if (started_ || !sampled) {
    return std::nullopt;
  }
  started_ = true;  // the very first sample is where counting begins, from zero
  return total_;
}

}  // namespace flopwatt::accelerators
