// What workloads have said of one kind of their work for one accelerator or scope, and over which time it is
// known. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/daemon/line_times.h"
#include "agent/daemon/sum.h"
#include "drivers/work_intake.h"
#include "readings/reading_set.h"

namespace flopwatt::daemon {

class WorkTally {
 public:
  explicit WorkTally(WorkKind kind) : kind_(kind) {}

  /// A line, whose `flop` may be 0.
  void count(const WorkLine& line);
  /// Moves the time that is told up to `now_us`.
  void advance(std::int64_t now_us) { times_.advance(now_us); }

  [[nodiscard]] Method method() const { return kind_ == WorkKind::model ? Method::model : Method::counted; }
  /// Whether the newest time that is decided is known.
  [[nodiscard]] bool offered() const { return times_.told().is_known; }
  /// Of all precisions; `absent` before the first line.
  [[nodiscard]] double total() const { return precisions_.empty() ? absent : total_.value(); }

  /// Precisions seen so far; never fewer than before.
  [[nodiscard]] std::size_t precision_count() const { return precisions_.size(); }
  /// The work of each precision seen so far, of all, what was told, and its age; none before the first line.
  void append_fields(std::vector<Field>& fields) const;
  /// The values of those fields for a set of that time.
  void append_values(std::vector<double>& values, std::int64_t time_us) const;

 private:
  struct OfPrecision {
    Place precision;
    Sum flop;
  };

  WorkKind kind_;
  std::vector<OfPrecision> precisions_;  // in the order of their first lines
  Sum total_;
  LineTimes times_;
};

}  // namespace flopwatt::daemon
