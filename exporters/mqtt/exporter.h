// The MQTT 5 exporter, format `json` (CONTRACT section 4).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"
#include "exporters/push_exporter.h"

namespace flopwatt {

/// Takes `http_proxy` out of the environment, through which Paho would lead plain MQTT: before other threads
/// look at the environment, also where the first exporter may be made later.
void prepare_exporters();

/// Publishes below "<prefix>/<node>/" with client id "flopwatt-<node>-<exporter>". Delivered is what the
/// broker acknowledged with a PUBACK below 0x80.
///
/// publish() fails with FaultClass::exception and the reason code as `code` where the broker refused a
/// message (trying again at once is no use), with protocol and 0x95 where a message is too large for it, with
/// connection or timeout where the connection is gone: wait_until_up() then.
///
/// After prepare_exporters(). To be destroyed before its loop.
[[nodiscard]] std::unique_ptr<PushExporter> make_exporter(const MqttConfig& config, const std::string& node,
                                                          std::string_view version);

}  // namespace flopwatt
