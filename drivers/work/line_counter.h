// From lines to work: each line is counted for its target, or refused and counted by reason. Metering loop
// only; no I/O, no clock.
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

/// Sets of tags whose running totals are remembered: 64 jobs of 64 ranks.
inline constexpr std::size_t most_running_totals = 4096;

class LineCounter {
 public:
  /// `intake` must outlive it.
  explicit LineCounter(WorkIntake& intake, std::size_t running_totals = most_running_totals)
      : intake_(intake), totals_(running_totals) {}

  /// `now_us`: monotonic. nullopt: counted.
  std::optional<Refusal> take(std::string_view line, std::int64_t now_us);
  /// Counts a line that could not be read as a whole.
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
  std::string key_;  // of the line at hand; kept for its memory
  std::array<std::uint64_t, all_refusals.size()> refused_{};
};

}  // namespace flopwatt::work
