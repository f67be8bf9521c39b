// What Paho keeps to itself of a CONNACK that refuses.
#pragma once

#include <string>
#include <string_view>

namespace flopwatt::mqtt {

/// The server that a broker of MQTT 5 names in its place (MQTT 5, section 3.2.2.3.16), in plain text; "": none, or
/// `bytes`, the first that the broker sent, hold no whole CONNACK.
[[nodiscard]] std::string server_reference_of(std::string_view bytes);

}  // namespace flopwatt::mqtt
