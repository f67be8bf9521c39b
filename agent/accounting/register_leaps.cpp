#include "agent/accounting/register_leaps.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

constexpr double beyond = 20;  // power may miss most of a load that is shorter than the polls
constexpr double leap_memory_s = 600;

}  // namespace

void RegisterLeaps::integrate(double joules, double length_s) {
  since_move_ += joules;
  since_move_s_ += length_s;
}

void RegisterLeaps::observe(std::int64_t time_us, double joules, double step, double most_watts) {
  if (count_ > 0 && seconds(time_us - leapt_us_) > leap_memory_s) {
    count_ = 0;
    sum_ = {};
  }
  const double before = std::exchange(last_, joules);
  const double since_last_s = seconds(time_us - std::exchange(last_us_, time_us));
  const double growth = joules - before;
  if (!std::exchange(is_known_, true) || growth == 0) return;
  const double expected = std::exchange(since_move_, 0);
  const double length_s = std::exchange(since_move_s_, 0);
  const double passed_s = seconds(time_us - std::exchange(moved_us_, time_us));
  const double likely = beyond * expected + 2 * step;
  const bool returns = before_fall_ >= 0 && std::abs(joules - before_fall_) <= likely;
  if (growth < -step && before_fall_ < 0) before_fall_ = before;
  if (returns) before_fall_ = -1;
  // How long it had stood still before the first move is not known.
  const bool power_is_known = length_s >= 0.5 * passed_s;
  if (!std::exchange(has_moved_, true) || returns || growth < 0 || !power_is_known) return;
  if (count_ > 0) {
    sum_.register_joules += growth;
    sum_.power_joules += expected;
    sum_.seconds += length_s;
  }
  if (growth <= std::max(likely, most_watts * since_last_s)) return;
  ++count_;
  leapt_us_ = time_us;
}

}  // namespace flopwatt::accounting
