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
#include "drivers/work/running_total.h"
#include "drivers/work/senders.h"
#include "drivers/work_intake.h"

namespace flopwatt::work {

/// Sets of tags that tell running totals, and as many that add: 64 jobs of 64 ranks. Each target has room for 64,
/// whatever is sent for others.
inline constexpr std::size_t most_senders = 4096;

class LineCounter {
 public:
  /// `intake` must outlive the counter.
  explicit LineCounter(WorkIntake& intake, std::size_t senders = most_senders)
      : intake_(intake), adding_(senders), totals_(senders) {}

  /// Counts a line. `now_us`: monotonic. nullopt: counted; else the reason of the refusal. A line that adds
  /// counts also where there are too many senders, but then it does not tell over what time.
  std::optional<Refusal> take(std::string_view line, std::int64_t now_us);
  /// Counts the refusal of a line that was not received as a whole.
  void refuse(Refusal refusal) { ++refused_[static_cast<std::size_t>(refusal)]; }

  /// Lines that were refused for this reason.
  [[nodiscard]] std::uint64_t refused(Refusal refusal) const {
    return refused_[static_cast<std::size_t>(refusal)];
  }

 private:
  std::optional<Refusal> count(const Line& line, std::int64_t now_us);
  std::optional<Refusal> add(const Line& line, const WorkTarget& target, std::int64_t now_us);
  std::optional<Refusal> count_running_total(const Line& line, const WorkTarget& target, std::int64_t now_us);

  WorkIntake& intake_;
  Budgets budgets_;
  Senders<std::optional<std::int64_t>> adding_;  // when the sender's line before came, taken or refused
  Senders<RunningTotal> totals_;
  std::string key_;  // of the current line; a member to reuse its memory
  std::array<std::uint64_t, all_refusals.size()> refused_{};
};

}  // namespace flopwatt::work
