#include "drivers/work/running_totals.h"

namespace flopwatt::work {

double RunningTotal::growth_to(double value) const {
  if (doubted_ && value >= *doubted_) return value - *doubted_;
  if (!believed_) return 0;
  return value >= *believed_ ? value - *believed_ : value;
}

void RunningTotal::believe(double value) {
  believed_ = value;
  doubted_.reset();
}

RunningTotal* RunningTotals::find(const std::string& key, std::int64_t now_us) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    by_age_.splice(by_age_.end(), by_age_, found->second);
    found->second->seen_us = now_us;
    return &found->second->total;
  }
  if (by_age_.size() >= most_) {
    if (by_age_.empty() || now_us - by_age_.front().seen_us < idle_us) return nullptr;
    by_key_.erase(by_age_.front().key);
    by_age_.pop_front();
  }
  by_age_.push_back({key, {}, now_us});
  by_key_.emplace(by_age_.back().key, std::prev(by_age_.end()));
  return &by_age_.back().total;
}

}  // namespace flopwatt::work
