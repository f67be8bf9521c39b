// The settings of an MQTT exporter: the entries of `exporters.mqtt` (CONTRACT section 2).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>

#include "config/exporter_config.h"
#include "readings/quantity.h"
#include "runtime/tls/tls_files.h"

namespace flopwatt::mqtt {

/// Which version of MQTT is spoken. automatic: 5, and 3.1.1 where the broker knows no other.
enum class Protocol : std::uint8_t { automatic, mqtt_5, mqtt_3_1_1 };

struct Settings {
  std::string host;
  std::uint16_t port = 1883;
  std::optional<TlsFiles>
      tls;  ///< mqtts://; its files are resolved and readable, and read again when they change
  Protocol protocol = Protocol::automatic;
  std::string prefix = "flopwatt";
  std::string username;
  std::optional<std::filesystem::path> password_file;  ///< resolved and readable; read at connect

  /// Which kinds of sources are published; running figures of scopes are their windows.
  std::set<SourceKind> publish{SourceKind::meter, SourceKind::accelerator, SourceKind::cpu, SourceKind::work,
                               SourceKind::window};
  /// At most one set of a source in each such time; 0: every set. Windows are published all.
  std::chrono::microseconds every{0};

  bool operator==(const Settings&) const = default;
};

/// The section `mqtt`, whose settings are of the type above.
[[nodiscard]] ExporterSection section();

}  // namespace flopwatt::mqtt
