// Over which time the work that workloads tell by lines is known. Pure.
//
// A line tells the work of its sender since the sender's line before; it is spread evenly over that time. What
// a sender did before its first line and after its last is not known. The work of several senders is known up
// to the moment that all of them have told. A sender is waited for as long as three times its last interval,
// at least 5 s and at most longest_told; a sender of a single line, whose interval is not known, for all of that.
// What a sender tells too late, of time that has been passed, counts in the time after it: nothing is lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "agent/accounting/counted_work.h"
#include "agent/daemon/sum.h"

namespace flopwatt::daemon {

using accounting::longest_told;

class LineTimes {
 public:
  /// `since_us`: of the sender's line before, nullopt where this is its first. Times are monotonic and ascend.
  void count(double flop, std::optional<std::int64_t> since_us, std::int64_t now_us);

  /// Up to `reached_us` it is decided what was done; all of that is `flop`. Whether it is known what was done
  /// since the moment that was reached before.
  struct Told {
    std::int64_t reached_us = 0;  ///< 0: no line yet
    double flop = 0;
    bool is_known = false;
  };
  /// Moves on, at most to the next moment at which the known time begins or ends.
  const Told& advance(std::int64_t now_us);
  /// What was reached last.
  [[nodiscard]] const Told& told() const { return told_; }

 private:
  struct Stretch {
    std::int64_t begin_us = 0, end_us = 0;
    double flop = 0;
  };
  struct Sender {
    std::int64_t last_us = 0;
    std::int64_t patience_us = 0;
    std::deque<Stretch> stretches;
  };
  void add(Sender& sender, const Stretch& stretch);
  [[nodiscard]] std::int64_t limit_us(std::int64_t now_us) const;
  void move_to(std::int64_t reached_us);

  std::vector<Sender> senders_;
  std::size_t stretch_count_ = 0;
  Sum sum_;
  Told told_;
};

}  // namespace flopwatt::daemon
