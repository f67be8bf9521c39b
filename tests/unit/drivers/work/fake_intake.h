// A WorkIntake of one accelerator and one scope, whose counts can be looked at.
#pragma once

#include <map>
#include <string>

#include "drivers/work_intake.h"

namespace flopwatt::work {

struct FakeIntake final : WorkIntake {
  double peak_rate = 1e18;
  std::map<std::pair<std::string, Place>, double> flop;  // by target and precision
  std::size_t lines = 0;
  WorkLine newest;

  [[nodiscard]] std::optional<WorkTarget> find_accelerator(std::string_view who) const override {
    if (who != "nvidia0") return std::nullopt;
    return WorkTarget{.is_scope = false, .id = 0, .peak_rate = peak_rate};
  }
  [[nodiscard]] std::optional<WorkTarget> find_scope(std::string_view name) const override {
    if (name != "rack") return std::nullopt;
    return WorkTarget{.is_scope = true, .id = 0, .peak_rate = peak_rate};
  }
  void count(const WorkTarget& target, const WorkLine& line) override {
    ++lines;
    newest = line;
    flop[{target.is_scope ? "rack" : "nvidia0", line.precision}] += line.flop;
  }

  [[nodiscard]] double of(const std::string& target, Place precision = Place::unspecified_precision) const {
    const auto found = flop.find({target, precision});
    return found == flop.end() ? -1 : found->second;
  }
};

}  // namespace flopwatt::work
