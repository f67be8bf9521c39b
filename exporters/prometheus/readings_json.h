// The JSON of /api/v1/readings: the newest readings of every source, for peers, scripts and `flopwatt read`.
#pragma once

#include <string>

#include "exporters/snapshot.h"

namespace flopwatt::prometheus {

/// {"node":"…","time":"…",
///  "sources":{"<source>":{"kind":"meter","up":true,"time":"…",keys of CONTRACT section 4…,
///                         "last_fault":"…"}}}
///
/// "time" of a source is that of its newest readings. "seq" is missing, since the store may not have these
/// readings yet. A source that is stale, or was never read, is {"kind":…,"up":false} and has no values.
/// "last_fault" is there where the newest poll of the source failed.
[[nodiscard]] std::string readings_json(const Snapshot& snapshot);

}  // namespace flopwatt::prometheus
