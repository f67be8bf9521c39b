// A push exporter as configured. Each kind of exporter has settings of its own type and reads them itself;
// config reads the list below `exporters`, and only holds and compares the settings.
#pragma once

#include <any>
#include <string>
#include <string_view>
#include <utility>

namespace flopwatt {

class MapReader;
struct Config;

/// The settings of one exporter: a value of any type that can be copied and compared.
class ExporterSettings {
 public:
  template <class Settings>
  explicit ExporterSettings(Settings settings) : value_(std::move(settings)), equal_(&equal<Settings>) {}

  /// Throws std::bad_any_cast where the settings are of another type.
  template <class Settings>
  [[nodiscard]] const Settings& as() const {
    return std::any_cast<const Settings&>(value_);
  }

  bool operator==(const ExporterSettings& other) const { return equal_(value_, other.value_); }

 private:
  template <class Settings>
  static bool equal(const std::any& one, const std::any& other) {
    const auto* right = std::any_cast<Settings>(&other);
    return right != nullptr && *std::any_cast<Settings>(&one) == *right;
  }

  std::any value_;
  bool (*equal_)(const std::any&, const std::any&);
};

struct ExporterConfig {
  std::string kind;  ///< key of its section: "mqtt"
  std::string name;  ///< unique among the exporters of all kinds
  ExporterSettings settings;

  bool operator==(const ExporterConfig&) const = default;
};

/// How the exporters of one kind are configured: a list below `exporters`, or `off`.
struct ExporterSection {
  std::string_view key;   ///< "mqtt"
  std::string_view what;  ///< one entry of the list, in messages: "an MQTT exporter"
  /// Reads the keys of one entry except `name`, and reports what is wrong. `config`: as far as it has been
  /// read; its exporters are those that stand before this one.
  ExporterSettings (*read)(MapReader& map, const Config& config);
};

}  // namespace flopwatt
