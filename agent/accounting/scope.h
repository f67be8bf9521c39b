// One scope: its members, its totals, and its figures. The scopes inside have no say in it: the accelerators
// that belong to them are members here too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "agent/accounting/member.h"
#include "agent/accounting/method_choice.h"
#include "agent/accounting/scope_plan.h"
#include "agent/accounting/scope_totals.h"
#include "agent/accounting/window.h"
#include "agent/accounting/window_clock.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

class Scope {
 public:
  /// `began_us`: when this run of the agent did.
  Scope(ScopePlan plan, const std::vector<Window>& windows, const Totals& restored, std::int64_t began_us);

  /// After a reload: goes on where the scope of that name stood, of which this one has the totals already.
  /// Windows that wait to close are kept where `windows_stay`.
  void carry_on(Scope& before, bool windows_stay);

  /// A source of the scope has told something for the first time. Members outlive the scope. Returns whether
  /// it counts here.
  bool join_meter(const EnergyEntry& entry, const Member* meter);
  /// `around`: indexes of the scope to which it belongs and of those around that one.
  void join_accelerator(const Member* accelerator, std::span<const std::size_t> around);
  /// What is counted for that scope as a whole, which is this one or lies inside.
  bool join_lines(std::size_t scope, const Member* lines);
  /// That member is gone, if it was one. What it has added to totals stays.
  void leave(const Member* member, std::int64_t now_us);

  void add(const Member& member, const Growth& growth);
  /// After the sets of a batch: takes the method that all offer now, and counts the batch's work by it.
  void choose_method(std::int64_t now_us, std::int64_t longest_us);

  /// A window has ended on the clock; it closes when all members have reached its end or are stale.
  void await(const ClosedWindow& window) { pending_[window.window].push_back(window); }
  void close_windows(std::int64_t now_us, double min_coverage, std::vector<ReadingSet>& closed);

  [[nodiscard]] const ScopePlan& plan() const { return plan_; }
  [[nodiscard]] ScopeFigures figures(Moment now, double min_coverage) const;
  void take_changed(Totals& totals) { totals_.take_changed(totals); }

 private:
  struct Accelerator {
    const Member* member = nullptr;
    std::vector<std::size_t> covering;  // positions in lines_ of what is counted for it with others
  };

  [[nodiscard]] bool from_meters() const { return !plan_.energy.empty(); }
  [[nodiscard]] const std::vector<const Member*>& energy_members() const {
    return from_meters() ? meters_ : devices_;
  }
  [[nodiscard]] bool does_work() const { return !accelerators_.empty() || has_lines_; }
  [[nodiscard]] Method best_offered(std::int64_t now_us) const;
  [[nodiscard]] std::vector<WorkSource> work_sources(Method method, TimeSpan window) const;
  [[nodiscard]] std::vector<WorkSource> counted_sources(TimeSpan window) const;
  /// The newest moment that every member which is not stale has reached.
  [[nodiscard]] std::int64_t reached_us(std::int64_t now_us) const;
  [[nodiscard]] WindowFigures evaluate(std::size_t window, TimeSpan span, Moment end,
                                       double min_coverage) const;
  [[nodiscard]] ReadingSet running_figures(Moment now) const;

  ScopePlan plan_;
  std::vector<std::int64_t> lengths_us_;
  SourcePtr source_;
  std::vector<SourcePtr> window_sources_;
  std::vector<std::deque<ClosedWindow>> pending_;

  std::vector<const Member*> meters_;        // as plan_.energy; null: has never told anything
  std::vector<const Member*> inner_meters_;  // as plan_.inner_energy, the same way
  std::vector<Accelerator> accelerators_;    // as they appeared
  std::vector<const Member*> devices_;       // the same
  std::vector<const Member*> lines_;         // as plan_.inside; null: never any
  bool has_lines_ = false;

  ScopeTotals totals_;
  std::int64_t unbroken_since_us_ = 0;
  MethodChoice method_;
  std::array<double, method_count> grown_{};  // since the method was chosen last
};

}  // namespace flopwatt::accounting
