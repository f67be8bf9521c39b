#include "drivers/work/line_counter.h"

namespace flopwatt::work {

std::optional<Refusal> LineCounter::take(std::string_view text, std::int64_t now_us) {
  const auto line = parse_line(text);
  const auto refusal = line ? count(*line, now_us) : std::optional(line.error());
  if (refusal) refuse(*refusal);
  return refusal;
}

std::optional<Refusal> LineCounter::count(const Line& line, std::int64_t now_us) {
  const auto target =
      line.is_for_scope ? intake_.find_scope(line.target) : intake_.find_accelerator(line.target);
  if (!target) return Refusal::target;
  if (line.is_running_total) return count_running_total(line, *target, now_us);
  if (!budgets_.take(*target, line.flop, now_us)) return Refusal::budget;
  intake_.count(*target, line.precision, line.flop);
  return std::nullopt;
}

std::optional<Refusal> LineCounter::count_running_total(const Line& line, const WorkTarget& target,
                                                        std::int64_t now_us) {
  make_key(line.tags, key_);
  RunningTotal* const total = totals_.find(key_, now_us);
  if (total == nullptr) return Refusal::overflow;
  const double growth = total->growth_to(line.flop);
  if (!budgets_.take(target, growth, now_us)) {
    total->doubt(line.flop);
    return Refusal::budget;
  }
  total->believe(line.flop);
  intake_.count(target, line.precision, growth);
  return std::nullopt;
}

}  // namespace flopwatt::work
