// The MQTT 5 exporter, format `json` (CONTRACT section 4).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "exporters/mqtt/connection.h"
#include "exporters/mqtt/settings.h"
#include "exporters/push_exporter.h"

namespace flopwatt::mqtt {

/// Publishes below "<prefix>/<node>/" with client id "flopwatt-<node>-<exporter>". A set is delivered when
/// the broker has acknowledged its message with a PUBACK below 0x80.
///
/// publish() fails with a fault of one of these classes:
///   exception              the broker refuses a message; `code` is the reason code (reason_codes.h)
///   protocol               a message is larger than the broker takes; `code` is 0x95
///   connection, timeout    the connection is gone: wait_until_up() comes next
///
/// `config`: of section(). Calls prepare_library(). To be destroyed before its loop.
[[nodiscard]] std::unique_ptr<PushExporter> make_exporter(const ExporterConfig& config,
                                                          const std::string& node, std::string_view version);

}  // namespace flopwatt::mqtt
