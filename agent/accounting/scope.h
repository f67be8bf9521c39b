// One scope: its members, its totals, and its figures. Independent of the scopes inside: accelerators that
// belong to those are members of this scope, too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "agent/accounting/covered_time.h"
#include "agent/accounting/member.h"
#include "agent/accounting/scope_balance.h"
#include "agent/accounting/scope_plan.h"
#include "agent/accounting/scope_totals.h"
#include "agent/accounting/window.h"
#include "agent/accounting/window_clock.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

class Scope {
 public:
  /// `began_us`: start of this run of the agent. `now_us`: the scope is new then.
  Scope(ScopePlan plan, const std::vector<Window>& windows, const Totals& restored, std::int64_t began_us,
        std::int64_t now_us);

  /// After a reload: continues the scope of that name, whose totals were given to the constructor. With
  /// `windows_stay` takes over the windows that wait to close.
  void carry_on(Scope& before, bool windows_stay);

  /// A source has its first set. Members must outlive the scope. Returns whether the source
  /// counts in this scope.
  bool join_meter(const EnergyEntry& entry, const Member* meter);
  /// `around`: indexes of the scope to which the accelerator belongs, and of the scopes around that one.
  void join_accelerator(const Member* accelerator, std::span<const std::size_t> around);
  /// Counted work of `scope` as a whole, which is this scope or a scope inside.
  bool join_lines(std::size_t scope, const Member* lines);
  /// Removes a member, if it was one. Its part of the totals stays.
  void leave(const Member* member, std::int64_t now_us);

  void add(const Member& member, const Growth& growth);
  /// After the sets of a batch: notes the methods that are offered now, and adds up the covered totals.
  /// `longest_us`: they wait for that long for a meter that is stale, whose register may bridge the gap.
  void add_covered(std::int64_t now_us, std::int64_t longest_us);
  /// Moments that add_covered() will cut at.
  void add_exact(std::vector<std::int64_t>& exact_us) const;

  /// Sets of an earlier run have been replayed, the newest of that time. Its windows that had not closed yet close
  /// now, and what was offered then was offered.
  void go_on_from(std::int64_t replayed_us);
  /// A window has ended on the clock. It closes when all members have reached its end or are stale.
  void await(const ClosedWindow& window);
  void close_windows(Moment now, double min_coverage, std::vector<ReadingSet>& closed);

  [[nodiscard]] const ScopePlan& plan() const { return plan_; }
  [[nodiscard]] ScopeFigures figures(Moment now, double min_coverage) const;
  void take_changed(Totals& totals);

 private:
  struct Accelerator {
    const Member* member = nullptr;
    std::vector<std::size_t> covering;  // positions in lines_ of counted work that covers it
  };

  [[nodiscard]] bool from_meters() const { return !plan_.energy.empty(); }
  [[nodiscard]] const std::vector<const Member*>& energy_members() const {
    return from_meters() ? meters_ : devices_;
  }
  [[nodiscard]] bool does_work() const { return !accelerators_.empty() || has_lines_; }
  /// Whether the work by that method is told now: by all accelerators, or by workloads for some of them.
  [[nodiscard]] bool is_offered(Method method, std::int64_t now_us) const;
  /// The methods that were offered in the last hour, the best first; none where there is no other.
  [[nodiscard]] std::vector<Method> methods_at(std::int64_t now_us) const;
  [[nodiscard]] MethodWork work_by(Method method, TimeSpan span, std::int64_t now_us) const;
  void note_offered(std::int64_t now_us);
  void add_measured(MethodWork& work) const;
  void add_told(MethodWork& work) const;
  /// The newest moment that every member which is not stale has reached.
  [[nodiscard]] std::int64_t energy_reached_us(std::int64_t now_us) const;
  [[nodiscard]] std::int64_t reached_us(Method method, std::int64_t now_us) const;
  [[nodiscard]] WindowMembers window_members(double min_coverage) const;
  [[nodiscard]] ReadingSet running_figures(Moment now) const;
  void tell_windows(ScopeFigures& figures, Moment now, double min_coverage) const;

  ScopePlan plan_;
  std::vector<std::int64_t> lengths_us_;
  SourcePtr source_;
  std::vector<SourcePtr> window_sources_;
  std::vector<std::deque<ClosedWindow>> pending_;
  // The end of the window of that length that closed last, wall: what a later run continues from.
  struct LastClosed {
    std::string key;
    double end_us = 0, taken_us = 0;  // 0: none
  };
  std::vector<LastClosed> last_closed_;
  std::int64_t replayed_us_ = 0;  // 0: nothing was

  std::vector<const Member*> meters_;        // parallel to plan_.energy; null: no set yet
  std::vector<const Member*> inner_meters_;  // parallel to plan_.inner_energy; null: no set yet
  std::vector<Accelerator> accelerators_;    // in the order of their first sets
  std::vector<const Member*> devices_;       // parallel to accelerators_
  std::vector<const Member*> lines_;         // parallel to plan_.inside; null: no counted work yet
  bool has_lines_ = false;

  ScopeTotals totals_;
  std::int64_t began_us_ = 0;
  std::int64_t since_us_ = 0;  // the scope is there with these lists
  std::int64_t unbroken_since_us_ = 0;
  std::array<std::int64_t, method_count> offered_us_{};  // when the method was offered last; 0: never
  std::array<CoveredTime, method_count> covered_;
  ScopeBalance balance_;
};

}  // namespace flopwatt::accounting
