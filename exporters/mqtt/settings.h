// The settings of an MQTT exporter: the entries of `exporters.mqtt` (CONTRACT section 2).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "config/exporter_config.h"

namespace flopwatt::mqtt {

struct Settings {
  std::string host;
  std::uint16_t port = 1883;
  std::string prefix = "flopwatt";
  std::string username;
  std::optional<std::filesystem::path> password_file;  ///< resolved and readable; read at connect

  bool operator==(const Settings&) const = default;
};

/// The section `mqtt`, whose settings are of the type above.
[[nodiscard]] ExporterSection section();

}  // namespace flopwatt::mqtt
