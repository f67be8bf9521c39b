// The payloads that are not readings: `state`, `info`, `status/<source>` (CONTRACT section 4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exporters/push_exporter.h"

namespace flopwatt::mqtt {

/// Version of this format of topics and payloads.
inline constexpr int schema = 1;

/// `online`: else offline, which is also the last will.
[[nodiscard]] std::string state_document(bool online, std::int64_t connected_since_wall_us,
                                         std::string_view version);

[[nodiscard]] std::string status_document(const SourceStatus& status);

/// {"sources":{"<source>":{"kind":…,"vendor":…,"model":…,"serial":…,"profile":…,"uuid":…,
///  "branches":{"<number>":"<configured label>"},"interval":<seconds>}},
///  "units":{"<key>":"<unit>"}}; what is not known of a source is left out.
[[nodiscard]] std::string info_document(const std::vector<SourceStatus>& sources);

}  // namespace flopwatt::mqtt
