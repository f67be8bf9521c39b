// A reading set: the readings of one source at one poll. Drivers, accounting, store and
// exporters exchange nothing else.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "readings/source.h"

namespace flopwatt {

/// A value that is not known. Never published, summed or stored as a number.
inline constexpr double absent = std::numeric_limits<double>::quiet_NaN();
[[nodiscard]] inline bool is_known(double value) { return !std::isnan(value); }

/// Both clocks at one moment. Accounting runs on the monotonic clock, labels on the wall clock.
struct Moment {
  std::int64_t wall_us = 0;       ///< since 1970, UTC
  std::int64_t monotonic_us = 0;  ///< CLOCK_MONOTONIC of this boot

  bool operator==(const Moment&) const = default;
};

struct ReadingSet {
  SourcePtr source;
  Moment time;  ///< midpoint of the transaction that holds the energy register, else power
  std::int64_t half_duration_us = 0;  ///< half of that transaction: the time stamp's uncertainty
  std::vector<double> values;         ///< parallel to source->fields, in held units; `absent` where unknown

  [[nodiscard]] std::size_t known_count() const;
};

/// A committed reading set. Only committed sets have a `seq`; (node, seq) identifies a set for ever.
struct StoredSet {
  std::uint64_t seq = 0;
  ReadingSet set;
};

}  // namespace flopwatt
