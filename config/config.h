// The checked configuration as plain structs: the YAML file with every default filled in and every reference
// resolved. config/flopwatt.yml describes the keys for users. Nothing here contacts a device or the network.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/exporter_config.h"
#include "config/profiles/meter_profile.h"
#include "config/yaml/finding.h"
#include "readings/quantity.h"

namespace flopwatt {

using std::chrono::microseconds;

/// Framing and carrier of a Modbus line.
enum class Transport : std::uint8_t {
  tcp,      ///< MBAP frames over TCP: tcp://
  rtu_tcp,  ///< RTU frames over TCP, as serial device servers pass them on: rtu+tcp://
  rtu,      ///< RTU frames over a serial line: rtu://
};

/// Address of a Modbus device or line.
struct ModbusAddress {
  std::string host;          ///< name or address, without brackets; serial line: path of its device
  std::uint16_t port = 502;  ///< 0 for a serial line
  Transport transport = Transport::tcp;

  /// "tcp://host:port", "rtu+tcp://host:port", IPv6 in brackets; "rtu:///dev/ttyUSB0".
  [[nodiscard]] std::string text() const;
  bool operator==(const ModbusAddress&) const = default;
};

/// A line that meters share, as configured under `buses`.
struct BusConfig {
  std::string name;
  ModbusAddress address;
  SerialSettings serial;
  microseconds timeout{1'000'000};
  bool timeout_assumed = true;  ///< none was configured: see MeterConfig::timeout
  microseconds turnaround{0};   ///< pause between two requests
  Position at;
};

/// Accuracy of a meter, per cent, half-width.
struct Accuracy {
  double meter_class = 2.0;
  double ct_class = 0.0;
  bool assumed = true;  ///< no `accuracy` was configured
};

struct MeterConfig {
  std::string name;
  Position at;  ///< of its entry in the file, for findings that need the read plan
  ModbusAddress address;
  std::string bus;  ///< name of the configured bus with that address, else the address: label `bus`
  std::uint8_t unit_id = 1;
  microseconds interval{};
  MeterProfile profile;  ///< from a file, or from inline `registers` (then profile.id is empty)
  Accuracy accuracy;
  std::string feed;
  std::map<std::uint16_t, std::string> branch_labels;  ///< `branches`: label of an outlet or branch circuit
  SerialSettings serial;                               ///< of its bus
  microseconds timeout{1'000'000};                     ///< of its bus; default on a serial line 500 ms
  bool timeout_grows = false;  ///< default: add the time of request and answer on the serial line
  microseconds pause{0};       ///< between two requests on its connection; default: the bus's turnaround
  bool close_after_poll = false;
  bool accept_unit_mismatch = false;
  /// Its transformers are turned around. `profile.registers` are inverted already; those that a SunSpec device
  /// describes are to be.
  bool invert = false;
  std::uint8_t sunspec_model = 1;  ///< `profile: sunspec`: which of the device's meter models, from 1
};

/// What is configured for the accelerators of one vendor.
struct AcceleratorConfig {
  bool enabled = true;    ///< `auto` and a map: used where the library is found; `off`: never
  bool required = false;  ///< a map was given: a missing library is an error worth a warning
  std::string library{};  ///< default: the vendor's
  /// Socket of a guest that is a service of its own; unset: the usual one, where it is there.
  std::optional<std::filesystem::path> guest_socket{};
  microseconds interval{};
  Place tensor_precision = Place::bf16;  ///< one of assumed_precisions

  bool operator==(const AcceleratorConfig&) const = default;
};

/// `accelerators.names`: PCI address (domain:bus:device.function, lower case) to name.
struct NameOverride {
  std::string pci;
  std::string name;

  bool operator==(const NameOverride&) const = default;
};

/// A window as configured: label and topic show `text` as it was written.
struct Window {
  std::string text;
  microseconds length{};

  bool operator==(const Window&) const = default;
};

/// One entry of a scope's `energy`: a meter, or one of its branches.
struct EnergyEntry {
  std::string meter;
  std::uint16_t branch = 0;  ///< 0: the whole meter

  [[nodiscard]] std::string text() const;                ///< "pdu-a", "pdu-a/7"
  auto operator<=>(const EnergyEntry&) const = default;  // NOLINT(modernize-use-nullptr): of clang-tidy 14
};

/// A scope is accounted as one thing. The source of its energy follows from the configuration alone:
///
///   with `energy`       those meters and branches only. They measure all that flows into the scope, so the
///                       scopes inside, with meters further down, are not added.
///   without             the sum of the scopes directly inside, if the scope names no work of its own and
///                       each of them has energy from meters (by these same rules);
///   otherwise           the own energy of its accelerators and of those of the scopes inside.
///
/// An accelerator belongs to one scope: the innermost that names it or matches it with a glob, else the scope
/// with `all`. It counts in that scope and in all scopes around it. So a glob leaves out accelerators that
/// the scopes inside name, and `all` leaves out accelerators that any other scope names, inside or around.
struct ScopeConfig {
  std::string name;
  Position at;
  std::vector<EnergyEntry> energy;
  enum class Work : std::uint8_t { none, all, listed } work = Work::none;
  std::vector<std::string> work_patterns;  ///< names and globs where `listed`
  std::vector<std::string> contains;       ///< names of the scopes directly inside; a tree, checked
};

/// One socket that receives counted work.
struct StatsdConfig {
  enum class Kind : std::uint8_t { unix_datagram, udp } kind = Kind::udp;
  std::filesystem::path path;  ///< unix_datagram: absolute
  std::string host;            ///< udp; never empty: listening on all addresses must be written
  std::uint16_t port = 8125;
  std::string group;                  ///< unix_datagram: group of the socket file, "" = the agent's
  std::optional<std::uint32_t> mode;  ///< unix_datagram: permissions of the socket file

  [[nodiscard]] std::string text() const;  ///< as an address is written
  bool operator==(const StatsdConfig&) const = default;
};

struct WorkConfig {
  std::vector<StatsdConfig> statsd;

  bool operator==(const WorkConfig&) const = default;
};

struct StoreConfig {
  std::filesystem::path path = "/var/lib/flopwatt/flopwatt.db";
  std::uint64_t max_size_bytes = std::uint64_t{1} << 30;
  microseconds max_age = std::chrono::hours(7 * 24);
  microseconds commit = std::chrono::seconds(1);
};

/// One address to listen on; an empty host is all addresses, IPv6 and IPv4.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 10150;

  [[nodiscard]] std::string text() const;
  bool operator==(const ListenAddress&) const = default;
};

struct PrometheusConfig {
  bool enabled = true;
  std::vector<ListenAddress> listen = {ListenAddress{}};

  bool operator==(const PrometheusConfig&) const = default;
};

struct Config {
  std::string node;
  std::filesystem::path file;
  microseconds interval = std::chrono::seconds(1);
  std::vector<BusConfig> buses;
  std::vector<MeterConfig> meters;
  std::map<std::string, AcceleratorConfig, std::less<>> accelerators;  ///< of each supported vendor
  std::vector<NameOverride> accelerator_names;
  WorkConfig work;
  std::vector<ScopeConfig> scopes;
  std::vector<Window> windows;  ///< default 1m and 15m, where they span two readings of every source
  double min_coverage = 0.9;
  StoreConfig store;
  PrometheusConfig prometheus;
  std::vector<ExporterConfig> exporters;  ///< those that push
};

}  // namespace flopwatt
