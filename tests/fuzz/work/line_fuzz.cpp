// Datagrams of counted work: whatever arrives, each line is counted once or refused once, and what is counted
// is finite, never negative and within the budget. The first byte is how many seconds pass before each line.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/work/line_counter.h"

namespace {

using flopwatt::WorkTarget;

constexpr double peak_rate = 1e15;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Intake final : flopwatt::WorkIntake {
  std::size_t lines = 0;
  std::array<double, 2> budgeted{};  // by kind

  [[nodiscard]] std::optional<WorkTarget> find_accelerator(std::string_view who) const override {
    require(!who.empty());
    if (who == "free") return WorkTarget{.is_scope = false, .id = 1, .peak_rate = 1e18};
    return who == "a" ? std::optional(WorkTarget{.is_scope = false, .id = 0, .peak_rate = peak_rate})
                      : std::nullopt;
  }
  [[nodiscard]] std::optional<WorkTarget> find_scope(std::string_view name) const override {
    return name == "s" ? std::optional(WorkTarget{.is_scope = true, .id = 0, .peak_rate = 1e18})
                       : std::nullopt;
  }
  void count(const WorkTarget& target, const flopwatt::WorkLine& line) override {
    require(std::isfinite(line.flop) && line.flop >= 0);
    require(flopwatt::kind_of(line.precision) == flopwatt::PlaceKind::precision);
    require(line.since_us.value_or(0) >= 0 && line.since_us.value_or(0) <= line.now_us);
    ++lines;
    if (!target.is_scope && target.id == 0) budgeted[static_cast<std::size_t>(line.kind)] += line.flop;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Intake intake;
  flopwatt::work::LineCounter counter(intake, 3);
  std::string_view rest = text;
  std::int64_t now_us = 0;
  std::uint64_t lines = 0;
  while (const auto line = flopwatt::work::take_line(rest)) {
    require(!line->empty() && line->find('\n') == line->npos);
    now_us += data[0] * std::int64_t{1'000'000};
    counter.take(*line, now_us);
    ++lines;
  }
  std::uint64_t refused = 0;
  for (const flopwatt::work::Refusal refusal : flopwatt::work::all_refusals)
    refused += counter.refused(refusal);
  require(intake.lines + refused == lines);
  const double fill = peak_rate * (flopwatt::work::budget_seconds + static_cast<double>(now_us) / 1e6);
  for (const double budgeted : intake.budgeted) require(budgeted <= fill * (1 + 1e-9));
  return 0;
}
