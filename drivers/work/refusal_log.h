// Logs refused lines, at most one in 10 s, with the line as a sample and the number of refusals since.
#pragma once

#include <cstdint>
#include <string_view>

#include "drivers/work/line.h"

namespace flopwatt::work {

class RefusalLog {
 public:
  /// Call for every refused line. `now_us`: monotonic.
  void note(Refusal refusal, std::string_view line, std::int64_t now_us);

 private:
  std::uint64_t unlogged_ = 0;  // refused lines since the last log line
  std::int64_t logged_us_ = 0;  // 0: never
};

}  // namespace flopwatt::work
