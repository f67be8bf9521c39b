// Up to which moment the covered totals of a scope by one method have been added up, and the energy of the
// stretches. Stretches follow each other without a hole, so that the totals of a day are as exact as the
// registers at its ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "agent/accounting/window.h"

namespace flopwatt::accounting {

class CoveredTime {
 public:
  [[nodiscard]] std::int64_t until_us() const { return until_us_; }
  /// The next stretch ends at `reached_us`; nullopt: there is none yet.
  [[nodiscard]] std::optional<TimeSpan> next(std::int64_t reached_us);
  /// The time before is left out.
  void leave_out_until(std::int64_t time_us) { until_us_ = time_us; }

  struct Sums {
    double joules = 0, flop = 0;
  };
  /// Energy and work of the part of the stretch in which both are known; no member is null.
  Sums add(const MethodWork& work, std::span<const Member* const> energy);

 private:
  double energy_of(const Member& member, EnergyEstimate estimate, std::span<const TimeSpan> covered);

  std::int64_t until_us_ = 0;
  /// J that were added by power while a register stood still, which it may still tell.
  std::map<const Member*, double> ahead_;
};

}  // namespace flopwatt::accounting
