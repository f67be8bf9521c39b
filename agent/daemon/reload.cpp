#include "agent/daemon/reload.h"

#include <algorithm>

namespace flopwatt::daemon {
namespace {

std::string text_of(const PrometheusConfig& prometheus) {
  if (!prometheus.enabled) return "off";
  std::string text;
  for (const ListenAddress& address : prometheus.listen) text += (text.empty() ? "" : " ") + address.text();
  return text;
}

}  // namespace

std::vector<std::string> need_restart(const Config& running, const Config& next) {
  std::vector<std::string> keys;
  const auto compare = [&keys](const char* key, const std::string& before, const std::string& after) {
    if (before != after) keys.push_back(std::string(key) + " (from " + before + " to " + after + ")");
  };
  compare("node", running.node, next.node);
  compare("store.path", running.store.path.string(), next.store.path.string());
  compare("exporters.prometheus.listen", text_of(running.prometheus), text_of(next.prometheus));
  return keys;
}

ExporterChanges exporter_changes(const std::vector<ExporterConfig>& running,
                                 const std::vector<ExporterConfig>& next) {
  ExporterChanges changes;
  for (const ExporterConfig& exporter : next) {
    const auto before = std::ranges::find(running, exporter.name, &ExporterConfig::name);
    if (before == running.end())
      changes.added.push_back(exporter);
    else if (*before != exporter)
      changes.changed.push_back(exporter);
  }
  for (const ExporterConfig& exporter : running)
    if (std::ranges::find(next, exporter.name, &ExporterConfig::name) == next.end())
      changes.gone.push_back(exporter.name);
  return changes;
}

}  // namespace flopwatt::daemon
