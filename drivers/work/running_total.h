// The running total of one sender. Pure.
//
// The first value is the start and counts nothing. After a fall the new value counts whole: the sender has
// started again at 0. A refused value is kept as doubtful. If the sender goes on from the doubtful value,
// counting goes on there, and the work before stays uncounted. If the sender returns to its earlier total,
// the refused value had no effect. Example: 10, 900 (refused), 12 counts 2; 10, 900 (refused), 903 counts 3.
#pragma once

#include <cstdint>
#include <optional>

namespace flopwatt::work {

class RunningTotal {
 public:
  struct Growth {
    double flop = 0;
    std::optional<std::int64_t>
        since_us;  ///< when the sender told the value it has grown from; nullopt: none
  };

  /// Work since the value before, if the sender's total is now `value`.
  [[nodiscard]] Growth growth_to(double value) const;
  /// `now_us`: monotonic time at which the value was told.
  void believe(double value, std::int64_t now_us);
  void doubt(double value, std::int64_t now_us) { doubted_ = {value, now_us}; }

 private:
  struct Told {
    double value = 0;
    std::int64_t at_us = 0;
  };

  std::optional<Told> believed_, doubted_;
};

}  // namespace flopwatt::work
