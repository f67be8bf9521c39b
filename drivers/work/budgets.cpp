#include "drivers/work/budgets.h"

#include <algorithm>

namespace flopwatt::work {

bool Budgets::take(const WorkTarget& target, WorkKind kind, double flop, std::int64_t now_us) {
  std::vector<Bucket>& buckets = buckets_[target.is_scope ? 1 : 0][static_cast<std::size_t>(kind)];
  if (target.id >= buckets.size()) buckets.resize(target.id + std::size_t{1});
  Bucket& bucket = buckets[target.id];
  const double passed = static_cast<double>(now_us - bucket.filled_us) / 1e6;
  bucket.seconds = std::min(budget_seconds, bucket.seconds + passed);
  bucket.filled_us = now_us;
  const double needed = flop / target.peak_rate;
  if (!(needed <= bucket.seconds)) return false;  // also where no peak makes it NaN or infinite
  bucket.seconds -= needed;
  return true;
}

}  // namespace flopwatt::work
