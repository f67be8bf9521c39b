#include "config/parse_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <utility>

namespace flopwatt {
namespace {

struct HostPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), &address) == 1;
}

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '-' || text.front() == '.') return false;
  return std::ranges::all_of(text, [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_');
  });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

Parsed<HostPort> parse_host_port(std::string_view text) {
  using Result = Parsed<HostPort>;
  HostPort result;
  std::string_view after;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == text.npos) return Result::bad("']' is missing after the IPv6 address");
    result.host = text.substr(1, bracket - 1);
    after = text.substr(bracket + 1);
    if (!is_ipv6(result.host)) return Result::bad("'" + result.host + "' is not an IPv6 address");
  } else {
    if (std::ranges::count(text, ':') > 1)
      return Result::bad("write an IPv6 address in brackets, as in [::1]");
    result.host = text.substr(0, text.find(':'));
    after = text.substr(result.host.size());
    const bool looks_ipv4 =
        !result.host.empty() && result.host.find_first_not_of("0123456789.") == std::string::npos;
    if (looks_ipv4 && !is_ipv4(result.host))
      return Result::bad("'" + result.host + "' is not an IPv4 address");
    if (!result.host.empty() && !is_host_name(result.host))
      return Result::bad("'" + result.host + "' is not a host name or address");
  }
  if (after.empty()) return Result::good(result);
  result.port = after.starts_with(':') ? parse_port(after.substr(1)) : std::nullopt;
  if (!result.port) return Result::bad("a port is a number from 1 to 65535 after the host and a colon");
  return Result::good(result);
}

// What follows <scheme>:// up to its end; nothing may come after host and port.
Parsed<HostPort> parse_authority(std::string_view text, const std::string& example) {
  using Result = Parsed<HostPort>;
  if (text.find('@') != text.npos) return Result::bad("no user in an address; write " + example);
  if (text.find('/') != text.npos) return Result::bad("no path after host and port; write " + example);
  Parsed<HostPort> parsed = parse_host_port(text);
  if (parsed.value && parsed.value->host.empty()) return Result::bad("the host is missing; write " + example);
  return parsed;
}

// The path of a serial line, in the one way of writing it: two names of one line would be two buses.
Parsed<ModbusAddress> parse_device(std::string_view text) {
  using Result = Parsed<ModbusAddress>;
  constexpr std::size_t longest = 255;
  if (!text.starts_with('/'))
    return Result::bad("write rtu:// and the absolute path of the device, as in rtu:///dev/ttyUSB0");
  const bool plain = std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7F; });
  if (!plain || text.size() > longest)
    return Result::bad("a device's path has at most 255 characters, none of them a space");
  std::string path = std::filesystem::path(text).lexically_normal().string();
  if (path.ends_with('/')) return Result::bad("'" + path + "' is a folder; write the path of the device");
  return Result::good({std::move(path), 0, Transport::rtu});
}

}  // namespace

std::string join_host_port(const std::string& host, std::uint16_t port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string EnergyEntry::text() const { return branch == 0 ? meter : meter + '/' + std::to_string(branch); }

std::string StatsdConfig::text() const {
  return kind == Kind::udp ? "udp://" + join_host_port(host, port) : "unix://" + path.string();
}

std::string ModbusAddress::text() const {
  if (transport == Transport::rtu) return "rtu://" + host;
  return (transport == Transport::rtu_tcp ? "rtu+tcp://" : "tcp://") + join_host_port(host, port);
}

std::string ListenAddress::text() const { return join_host_port(host, port); }

Parsed<ModbusAddress> parse_modbus_address(std::string_view text) {
  using Result = Parsed<ModbusAddress>;
  constexpr std::string_view rtu = "rtu://";
  constexpr std::string_view rtu_tcp = "rtu+tcp://";
  constexpr std::string_view tcp = "tcp://";
  if (text.starts_with(rtu)) return parse_device(text.substr(rtu.size()));
  if (text.starts_with(rtu_tcp)) {
    const std::string example = "rtu+tcp://host:port";
    const Parsed<HostPort> parsed = parse_authority(text.substr(rtu_tcp.size()), example);
    if (!parsed.value) return Result::bad(parsed.advice);
    if (!parsed.value->port) return Result::bad("the port is missing; write " + example);
    return Result::good({parsed.value->host, *parsed.value->port, Transport::rtu_tcp});
  }
  const std::string example = "tcp://host or tcp://host:502";
  if (!text.starts_with(tcp))
    return Result::bad("write " + example + ", rtu:///dev/... for a serial line, or rtu+tcp://host:port");
  const Parsed<HostPort> parsed = parse_authority(text.substr(tcp.size()), example);
  if (!parsed.value) return Result::bad(parsed.advice);
  return Result::good({parsed.value->host, parsed.value->port.value_or(502)});
}

Parsed<BrokerAddress> parse_broker_address(std::string_view text) {
  using Result = Parsed<BrokerAddress>;
  const std::string example = "mqtt://host, mqtt://host:1883 or, with TLS, mqtts://host";
  constexpr std::string_view plain = "mqtt://", with_tls = "mqtts://";
  constexpr std::uint16_t plain_port = 1883, tls_port = 8883;
  const bool has_tls = text.starts_with(with_tls);
  if (!has_tls && !text.starts_with(plain)) return Result::bad("write " + example);
  std::string_view authority = text.substr((has_tls ? with_tls : plain).size());
  if (authority.find('@') != authority.npos)
    return Result::bad("no user in an address; use the keys username and password_file");
  if (authority.ends_with('/')) authority.remove_suffix(1);
  const Parsed<HostPort> parsed = parse_authority(authority, example);
  if (!parsed.value) return Result::bad(parsed.advice);
  return Result::good(
      {parsed.value->host, parsed.value->port.value_or(has_tls ? tls_port : plain_port), has_tls});
}

Parsed<ListenAddress> parse_listen_address(std::string_view text) {
  using Result = Parsed<ListenAddress>;
  const std::string example = R"(write ":10150", "127.0.0.1:10150" or "[::1]:10150")";
  // A port without its colon would be taken for a host.
  const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (is_number || text.find('/') != text.npos) return Result::bad(example);
  const Parsed<HostPort> parsed = parse_host_port(text);
  if (!parsed.value) return Result::bad(parsed.advice);
  if (!parsed.value->port) return Result::bad("the port is missing; " + example);
  return Result::good({parsed.value->host, *parsed.value->port});
}

Parsed<StatsdConfig> parse_statsd_address(std::string_view text) {
  using Result = Parsed<StatsdConfig>;
  constexpr std::string_view unix_scheme = "unix://", udp_scheme = "udp://";
  StatsdConfig config;
  if (text.starts_with(unix_scheme)) {
    const std::string_view path = text.substr(unix_scheme.size());
    if (!path.starts_with('/') || path.ends_with('/'))
      return Result::bad("write the whole path of a socket, as in unix:///run/flopwatt/work.sock");
    constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;
    if (path.size() > longest)
      return Result::bad("the path of a socket has at most " + std::to_string(longest) + " characters");
    config.kind = StatsdConfig::Kind::unix_datagram;
    config.path = std::filesystem::path(path).lexically_normal();
    return Result::good(config);
  }
  const std::string example = "udp://127.0.0.1:8125 or unix:///run/flopwatt/work.sock";
  if (!text.starts_with(udp_scheme)) return Result::bad("write " + example);
  const Parsed<HostPort> parsed = parse_authority(text.substr(udp_scheme.size()), example);
  if (!parsed.value) return Result::bad(parsed.advice);
  config.host = parsed.value->host;
  if (!is_ipv4(config.host) && !is_ipv6(config.host))
    return Result::bad("write an IP address of this machine, as in udp://127.0.0.1:8125 or udp://[::1]:8125");
  config.port = parsed.value->port.value_or(config.port);
  return Result::good(config);
}

}  // namespace flopwatt
