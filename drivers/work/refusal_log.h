// Logs refused lines at a bounded rate, each time with one of them as a sample.
#pragma once

#include <cstdint>
#include <string_view>

#include "drivers/work/line.h"

namespace flopwatt::work {

class RefusalLog {
 public:
  /// Counts a refused line, and logs the line where the last log entry is old enough. `now_us`: monotonic.
  void note(Refusal refusal, std::string_view line, std::int64_t now_us);

 private:
  std::uint64_t refused_ = 0;   // lines since the last that was logged
  std::int64_t logged_us_ = 0;  // when a line was logged last, monotonic; 0: never
};

}  // namespace flopwatt::work
