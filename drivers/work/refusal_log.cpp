#include "drivers/work/refusal_log.h"

#include <string>

#include "runtime/log.h"

namespace flopwatt::work {
namespace {

constexpr std::int64_t shortest_pause_us = 10'000'000;
constexpr std::size_t longest_sample = 200;

}  // namespace

void RefusalLog::note(Refusal refusal, std::string_view line, std::int64_t now_us) {
  ++refused_;
  if (logged_us_ != 0 && now_us - logged_us_ < shortest_pause_us) return;
  log::warn("a line of counted work was refused", {{"reason", std::string(name_of(refusal))},
                                                   {"line", std::string(line.substr(0, longest_sample))},
                                                   {"refused_since_last_told", std::to_string(refused_)}});
  logged_us_ = now_us;
  refused_ = 0;
}

}  // namespace flopwatt::work
