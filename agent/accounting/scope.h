// One scope: its members, its totals, and its figures.
//
// Totals survive restarts and start at 0 when the scope's lists change: saved with them is a number of the
// lists. What a register grew by while the agent was down counts only where the lists are the same as then.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agent/accounting/member.h"
#include "agent/accounting/window.h"
#include "agent/accounting/window_clock.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

class Scope {
 public:
  /// `lists`: number of the scope's lists (lists_number).
  Scope(const ScopeConfig& config, const std::vector<Window>& windows, double lists, const Totals& restored);

  /// A source of the scope has told something for the first time. The member outlives the scope.
  void join_meter(std::size_t position, const Member* meter) { meters_[position] = meter; }
  void join_accelerator(const Member* accelerator) { accelerators_.push_back(accelerator); }

  void add(const Member& member, const Growth& growth);

  /// A window has ended on the clock; it closes when all members have reached its end or are stale.
  void await(const ClosedWindow& window) { pending_[window.window].push_back(window); }
  void close_windows(std::int64_t now_us, double min_coverage, std::vector<ReadingSet>& closed);

  [[nodiscard]] ScopeFigures figures(Moment now, double min_coverage) const;
  void take_changed(Totals& totals);

 private:
  [[nodiscard]] bool from_meters() const { return !meters_.empty(); }
  [[nodiscard]] const std::vector<const Member*>& energy_members() const {
    return from_meters() ? meters_ : accelerators_;
  }
  /// The newest moment that every member which is not stale has reached.
  [[nodiscard]] std::int64_t reached_us(std::int64_t now_us) const;
  [[nodiscard]] WindowFigures evaluate(std::size_t window, TimeSpan span, Moment end,
                                       double min_coverage) const;
  [[nodiscard]] ReadingSet running_figures(Moment now) const;
  void follow_method();

  std::string name_;
  bool wants_work_ = false;
  bool carries_on_ = false;  // the lists are those of the restored totals
  std::vector<std::int64_t> lengths_us_;
  SourcePtr source_;
  std::vector<SourcePtr> window_sources_;
  std::vector<std::deque<ClosedWindow>> pending_;

  std::vector<const Member*> meters_;        // as configured; null: has never told anything
  std::vector<const Member*> accelerators_;  // as they appeared

  /// Names of totals beside their values, and what was taken last.
  struct Total {
    std::string key;
    double value = 0;
    double taken = absent;
  };
  Total energy_, device_energy_, method_, lists_total_;
  std::array<Total, 4> work_;  // by method
};

}  // namespace flopwatt::accounting
