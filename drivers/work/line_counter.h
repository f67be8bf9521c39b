// Counts each line for its target, or refuses the line and counts the refusal by reason. Metering loop only;
// no I/O, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/work/budgets.h"
#include "drivers/work/line.h"
#include "drivers/work/running_totals.h"
#include "drivers/work_intake.h"

namespace flopwatt::work {

/// Sets of tags with a running total: 64 jobs of 64 ranks.
inline constexpr std::size_t most_running_totals = 4096;

class LineCounter {
 public:
  /// `intake` must outlive the counter.
  explicit LineCounter(WorkIntake& intake, std::size_t running_totals = most_running_totals)
      : intake_(intake), totals_(running_totals) {}

  /// Counts a line. `now_us`: monotonic. nullopt: counted; else the reason of the refusal.
  std::optional<Refusal> take(std::string_view line, std::int64_t now_us);
  /// Counts the refusal of a line that was not received as a whole.
  void refuse(Refusal refusal) { ++refused_[static_cast<std::size_t>(refusal)]; }

  /// Lines that were refused for this reason.
  [[nodiscard]] std::uint64_t refused(Refusal refusal) const {
    return refused_[static_cast<std::size_t>(refusal)];
  }

 private:
  std::optional<Refusal> count(const Line& line, std::int64_t now_us);
  std::optional<Refusal> count_running_total(const Line& line, const WorkTarget& target, std::int64_t now_us);

  WorkIntake& intake_;
  Budgets budgets_;
  RunningTotals totals_;
  std::string key_;  // of the current line; a member to reuse its memory
  std::array<std::uint64_t, all_refusals.size()> refused_{};
};

}  // namespace flopwatt::work
