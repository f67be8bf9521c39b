#include "drivers/work/running_total.h"

#include "drivers/work/line.h"

namespace flopwatt::work {

RunningTotal::Growth RunningTotal::growth_to(double value) const {
  if (doubted_ && value >= doubted_->value) return {value - doubted_->value, doubted_->at_us};
  if (!believed_) return {};
  return {growth_between(believed_->value, value), believed_->at_us};
}

void RunningTotal::believe(double value, std::int64_t now_us) {
  believed_ = {value, now_us};
  doubted_.reset();
}

}  // namespace flopwatt::work
