#include "runtime/backoff.h"

#include <algorithm>
#include <random>

namespace flopwatt {

SteadyTime Backoff::fail(SteadyTime now, double chance) {
  using std::chrono::microseconds;
  ++failures_;
  microseconds wait = policy_.first;
  for (unsigned i = 1; i < failures_ && wait < policy_.longest; ++i) wait *= 2;
  wait = std::min(wait, std::max(policy_.longest, policy_.first));
  const double part = 1 - chance * policy_.jitter;
  retry_at_ = now + microseconds(static_cast<microseconds::rep>(static_cast<double>(wait.count()) * part));
  return retry_at_;
}

double chance() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace flopwatt
