// The labels of the series of readings (CONTRACT section 3), as append_label makes them. Not for the hot
// path: made once for a source's description.
#pragma once

#include <string>

#include "readings/quantity.h"
#include "readings/source.h"

namespace flopwatt::prometheus {

/// The labels that all series of the source have: `meter="pdu-a"`, `accelerator="nvidia0",uuid="GPU-…"`,
/// `scope="rack-r12",window="1m"`.
[[nodiscard]] std::string source_labels(const Source& source);

/// Label value of a channel's place: "L1", "hmma"; of a branch its configured label, else its number.
[[nodiscard]] std::string place_label(const Identity& identity, Channel channel);

/// All labels of the series of one channel.
[[nodiscard]] std::string series_labels(const Source& source, const QuantityRow& row, Channel channel);

}  // namespace flopwatt::prometheus
