#include "agent/accounting/method_choice.h"

#include <algorithm>
#include <limits>

namespace flopwatt::accounting {
namespace {

constexpr std::int64_t ever_us = std::numeric_limits<std::int64_t>::min();

// The methods are numbered from the best to the worst; none is the worst.
bool is_better(Method one, Method other) {
  return one != Method::none && (other == Method::none || one < other);
}

}  // namespace

MethodChoice::MethodChoice(Method before) : changes_{{ever_us, before}} {}

Method MethodChoice::follow(Method best, std::int64_t now_us, std::int64_t patience_us) {
  if (best == now()) {
    missing_since_us_.reset();
    return now();
  }
  if (!is_better(best, now())) {
    if (!missing_since_us_) missing_since_us_ = now_us;
    if (now_us - *missing_since_us_ < patience_us) return now();
  }
  missing_since_us_.reset();
  if (changes_.size() == 1 && now() == Method::none) {
    changes_.back().method = best;  // the first: earlier sets are of this method, too
  } else {
    if (taken_us_ && now_us - *taken_us_ < settling_us) changes_.back().method = Method::none;
    changes_.push_back({now_us, best});
    if (changes_.size() > most_changes) changes_.pop_front();
  }
  taken_us_ = now_us;
  return best;
}

std::vector<MethodStretch> MethodChoice::stretches(TimeSpan window) const {
  std::vector<MethodStretch> stretches;
  if (changes_.front().time_us > window.begin_us)
    stretches.push_back({{window.begin_us, std::min(changes_.front().time_us, window.end_us)}, Method::none});
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const std::int64_t until_us = i + 1 < changes_.size() ? changes_[i + 1].time_us : window.end_us;
    const TimeSpan span{std::max(changes_[i].time_us, window.begin_us), std::min(until_us, window.end_us)};
    if (span.length_us() > 0) stretches.push_back({span, changes_[i].method});
  }
  return stretches;
}

void MethodChoice::forget_before(std::int64_t time_us) {
  while (changes_.size() > 1 && changes_[1].time_us <= time_us) changes_.pop_front();
}

}  // namespace flopwatt::accounting
