// The kinds of push exporters. A new kind is one folder below exporters/, and one row in registry.cpp.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/exporter_config.h"
#include "exporters/push_exporter.h"

namespace flopwatt {

struct ExporterKind {
  ExporterSection section;  ///< how its exporters are configured
  /// What has to happen once, before other threads run; nullptr: nothing.
  void (*prepare)();
  /// `config`: of this kind. `node` and `version` are what the receiver is to see. Metering loop.
  std::unique_ptr<PushExporter> (*make)(const ExporterConfig& config, const std::string& node,
                                        std::string_view version);
};

/// The kinds that ship.
[[nodiscard]] std::span<const ExporterKind> exporter_kinds();

/// The sections of these kinds, for load_config().
[[nodiscard]] std::vector<ExporterSection> sections_of(std::span<const ExporterKind> kinds);

/// The exporter of `config`, whose kind is one of `kinds`.
[[nodiscard]] std::unique_ptr<PushExporter> make_exporter(std::span<const ExporterKind> kinds,
                                                          const ExporterConfig& config,
                                                          const std::string& node, std::string_view version);

}  // namespace flopwatt
