// Addresses of meters and brokers, and addresses to listen on, as the configuration writes them.
#pragma once

#include <string_view>

#include "config/config.h"
#include "config/yaml/parse_values.h"

namespace flopwatt {

/// "tcp://host[:502]", "rtu:///dev/ttyUSB0", "rtu+tcp://host:port".
[[nodiscard]] Parsed<ModbusAddress> parse_modbus_address(std::string_view text);

struct BrokerAddress {
  std::string host;
  std::uint16_t port = 1883;
  bool has_tls = false;
};

/// "mqtt://host[:1883]" or, with TLS, "mqtts://host[:8883]".
[[nodiscard]] Parsed<BrokerAddress> parse_broker_address(std::string_view text);

/// ":10150", "127.0.0.1:9100", "[::1]:9100", "localhost:9100".
[[nodiscard]] Parsed<ListenAddress> parse_listen_address(std::string_view text);

/// "unix:///run/flopwatt/work.sock" or "udp://127.0.0.1[:8125]". The host is an IP address, because a failing
/// look-up of a name takes long. Group and mode stay unset.
[[nodiscard]] Parsed<StatsdConfig> parse_statsd_address(std::string_view text);

/// "host:port", IPv6 in brackets; an empty host stays empty.
[[nodiscard]] std::string join_host_port(const std::string& host, std::uint16_t port);

}  // namespace flopwatt
