#include "exporters/registry.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "exporters/mqtt/exporter.h"

namespace flopwatt {

std::span<const ExporterKind> exporter_kinds() {
  static const std::array kinds = {
      ExporterKind{mqtt::section(), mqtt::prepare_library, mqtt::make_exporter},
  };
  return kinds;
}

std::vector<ExporterSection> sections_of(std::span<const ExporterKind> kinds) {
  std::vector<ExporterSection> sections;
  for (const ExporterKind& kind : kinds) sections.push_back(kind.section);
  return sections;
}

std::unique_ptr<PushExporter> make_exporter(std::span<const ExporterKind> kinds, const ExporterConfig& config,
                                            const std::string& node, std::string_view version) {
  const auto kind =
      std::ranges::find(kinds, config.kind, [](const ExporterKind& one) { return one.section.key; });
  if (kind == kinds.end()) throw std::logic_error("no exporter of the kind " + config.kind);
  return kind->make(config, node, version);
}

}  // namespace flopwatt
