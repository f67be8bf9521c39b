#include "drivers/modbus/wire/backoff.h"

#include <algorithm>
#include <random>

namespace flopwatt::modbus {

void Backoff::fail(SteadyTime now, double chance) {
  using std::chrono::microseconds;
  ++failures_;
  microseconds wait = base_;
  for (unsigned i = 1; i < failures_ && wait < longest_backoff; ++i) wait *= 2;
  wait = std::min(wait, std::max<microseconds>(longest_backoff, base_));
  retry_at_ = now + microseconds(
                        static_cast<microseconds::rep>(static_cast<double>(wait.count()) * (1 - chance / 4)));
}

double chance() {
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace flopwatt::modbus
