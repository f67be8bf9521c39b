#include "agent/daemon/reload.h"

#include <doctest/doctest.h>

namespace flopwatt::daemon {
namespace {

ExporterConfig exporter(const std::string& name, const std::string& settings = "as before") {
  return {"file", name, ExporterSettings(settings)};
}

std::vector<std::string> names_of(const std::vector<ExporterConfig>& exporters) {
  std::vector<std::string> names;
  for (const ExporterConfig& each : exporters) names.push_back(each.name);
  return names;
}

}  // namespace

TEST_CASE("node, store.path and listen need a restart; nothing else does") {
  Config running;
  running.node = "rack-r12";
  CHECK(need_restart(running, running).empty());
  Config next = running;
  next.store.commit = std::chrono::seconds(5);
  next.store.max_size_bytes = 1 << 20;
  next.min_coverage = 0.5;
  next.exporters.push_back(exporter("ems"));
  CHECK(need_restart(running, next).empty());
  next.node = "rack-r13";
  next.store.path = "/tmp/other.db";
  next.prometheus.listen = {{"127.0.0.1", 9000}};
  CHECK(need_restart(running, next) ==
        std::vector<std::string>{"node (from rack-r12 to rack-r13)",
                                 "store.path (from /var/lib/flopwatt/flopwatt.db to /tmp/other.db)",
                                 "exporters.prometheus.listen (from :10150 to 127.0.0.1:9000)"});
  next = running;
  next.prometheus.enabled = false;
  CHECK(need_restart(running, next).size() == 1);
}

TEST_CASE("an exporter is the same by its name; a change of its settings or of its kind is a change") {
  const std::vector<ExporterConfig> running = {exporter("same"), exporter("moved"), exporter("gone"),
                                               exporter("other kind")};
  ExporterConfig other_kind = exporter("other kind");
  other_kind.kind = "mqtt";
  const std::vector<ExporterConfig> next = {exporter("new"), exporter("moved", "other"), exporter("same"),
                                            other_kind};
  const ExporterChanges changes = exporter_changes(running, next);
  CHECK(changes.gone == std::vector<std::string>{"gone"});
  CHECK(names_of(changes.changed) == std::vector<std::string>{"moved", "other kind"});
  CHECK(names_of(changes.added) == std::vector<std::string>{"new"});
}

}  // namespace flopwatt::daemon
