// Up to which moment the covered totals of a scope by one method have been added up, and the energy of the
// stretches. Stretches follow each other without a hole, so that the totals of a day are as exact as the
// registers at its ends.
//
// The register gives the energy, power its course: what power tells while the register rests is added at once, and
// what the register then tells of that time is not added again. So energy and work are of the same time at every
// moment, however coarse the register counts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "agent/accounting/ahead_of_register.h"
#include "agent/accounting/window.h"

namespace flopwatt::accounting {

class CoveredTime {
 public:
  [[nodiscard]] std::int64_t until_us() const { return until_us_; }
  /// The next stretch ends at `reached_us`; nullopt: there is none yet.
  [[nodiscard]] std::optional<TimeSpan> next(std::int64_t reached_us);
  /// The time before is left out.
  void leave_out_until(std::int64_t time_us);

  struct Sums {
    double joules = 0, flop = 0;
  };
  /// Energy and work of the part of the stretch in which both are known; no member is null.
  Sums add(const MethodWork& work, std::span<const Member* const> energy);

 private:
  // What has been added of a register.
  struct Added {
    double counted_j = 0;  // what it had told by the end of the last stretch, as known then
    AheadOfRegister ahead;
    unsigned epoch = 0;      // of the register
    bool has_moved = false;  // before: else its first move tells of an unknown time
    bool is_whole = true;    // all of the time since its last move is covered
  };
  double energy_of(const Member& member, TimeSpan stretch, std::span<const TimeSpan> covered);
  Added& added_of(const EnergySeries& energy, const Member& member, TimeSpan stretch);

  std::int64_t until_us_ = 0;
  std::map<const Member*, Added> added_;
};

}  // namespace flopwatt::accounting
