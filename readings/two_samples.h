// What two samples of a meter, some seconds apart, say against each other: for commands that look for seconds
// and not for minutes. In the words of readings/contradictions.h, but far more careful: a register may count
// in steps that nobody has told, or be renewed seldom, so only a factor of 20 beyond what a step explains is
// a contradiction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "readings/reading_set.h"

namespace flopwatt {

/// The longest time between two samples, s.
inline constexpr double longest_comparison_s = 10;

/// After how many seconds a second sample tells something: as long as the registers need for three steps at the
/// power shown, 2 to 10 s. nullopt: the meter has nothing to compare.
[[nodiscard]] std::optional<double> seconds_to_compare(const ReadingSet& first);

struct ComparedSamples {
  std::vector<std::string> contradictions;  ///< those of a branch begin with "branch 7: "
  bool is_open = false;                     ///< a later sample may tell more
};

/// `later` is of the same source, with the same fields.
[[nodiscard]] ComparedSamples compare_samples(const ReadingSet& first, const ReadingSet& later);

}  // namespace flopwatt
