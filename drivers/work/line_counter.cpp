#include "drivers/work/line_counter.h"

#include <utility>

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
  make_key(line.tags, key_);
  return line.is_running_total ? count_running_total(line, *target, now_us) : add(line, *target, now_us);
}

std::optional<Refusal> LineCounter::add(const Line& line, const WorkTarget& target, std::int64_t now_us) {
  std::optional<std::int64_t> since_us;
  if (auto* const before = adding_.find(key_, target, now_us)) since_us = std::exchange(*before, now_us);
  if (!budgets_.take(target, line.kind, line.flop, now_us)) return Refusal::budget;
  if (since_us && line.flop > 0) adding_.prove(key_);
  intake_.count(target, {line.kind, line.precision, line.flop, since_us, now_us});
  return std::nullopt;
}

std::optional<Refusal> LineCounter::count_running_total(const Line& line, const WorkTarget& target,
                                                        std::int64_t now_us) {
  RunningTotal* const total = totals_.find(key_, target, now_us);
  if (total == nullptr) return Refusal::overflow;
  const RunningTotal::Growth growth = total->growth_to(line.flop);
  const double flop = growth.flop + line.growth;
  if (!budgets_.take(target, line.kind, flop, now_us)) {
    total->doubt(line.last, now_us);
    return Refusal::budget;
  }
  total->believe(line.last, now_us);
  if (growth.since_us && flop > 0) totals_.prove(key_);
  intake_.count(target, {line.kind, line.precision, flop, growth.since_us, now_us});
  return std::nullopt;
}

}  // namespace flopwatt::work
