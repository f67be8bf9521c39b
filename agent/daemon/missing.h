// Which keys a source could have, and why its newest reading lacks some of them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "exporters/snapshot.h"
#include "readings/quantity.h"
#include "readings/reading_set.h"
#include "readings/source.h"

namespace flopwatt::daemon {

/// A key that a source of its kind can have.
struct Key {
  Channel channel;
  const QuantityRow* row = nullptr;  ///< of the quantity table, never null
  std::string text;  ///< "voltage_l1_v"; of a branch "branches.7.active_power_w", where the object nests
};

/// The keys of a meter with these fields, in their order. For an accelerator all that there are: what it does
/// not tell is missing.
[[nodiscard]] std::vector<Key> keys_of(SourceKind kind, std::span<const Field> fields);

/// Why a source lacks the figure of a channel, as far as its driver knows ("").
using WhyAbsent = std::function<std::string(Channel)>;

/// The keys that the source of a reading could have and the reading lacks, each with a reason.
[[nodiscard]] std::vector<Missing> missing_of(const ReadingSet& reading, const WhyAbsent& why_absent);

}  // namespace flopwatt::daemon
