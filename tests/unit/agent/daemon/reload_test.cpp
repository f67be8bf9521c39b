#include "agent/daemon/reload.h"

#include <doctest/doctest.h>

namespace flopwatt::daemon {
namespace {

MqttConfig exporter(const std::string& name, const std::string& prefix = "flopwatt") {
  MqttConfig config;
  config.name = name;
  config.host = "broker";
  config.prefix = prefix;
  return config;
}

std::vector<std::string> names_of(const std::vector<const MqttConfig*>& exporters) {
  std::vector<std::string> names;
  for (const MqttConfig* each : exporters) names.push_back(each->name);
  return names;
}

}  // namespace

TEST_CASE("node, store.path and listen need a restart; nothing else does") {
  Config running;
  running.node = "rack-r12";
  CHECK(need_restart(running, running).empty());
  Config anew = running;
  anew.store.commit = std::chrono::seconds(5);
  anew.store.max_size_bytes = 1 << 20;
  anew.min_coverage = 0.5;
  anew.mqtt.push_back(exporter("ems"));
  CHECK(need_restart(running, anew).empty());
  anew.node = "rack-r13";
  anew.store.path = "/tmp/other.db";
  anew.prometheus.listen = {{"127.0.0.1", 9000}};
  CHECK(need_restart(running, anew) ==
        std::vector<std::string>{"node (from rack-r12 to rack-r13)",
                                 "store.path (from /var/lib/flopwatt/flopwatt.db to /tmp/other.db)",
                                 "exporters.prometheus.listen (from :10150 to 127.0.0.1:9000)"});
  anew = running;
  anew.prometheus.enabled = false;
  CHECK(need_restart(running, anew).size() == 1);
}

TEST_CASE("exporters are told apart by name") {
  const std::vector<MqttConfig> running = {exporter("same"), exporter("moved"), exporter("gone")};
  const std::vector<MqttConfig> anew = {exporter("new"), exporter("moved", "site/flopwatt"),
                                        exporter("same")};
  const ExporterChanges changes = exporter_changes(running, anew);
  CHECK(changes.gone == std::vector<std::string>{"gone"});
  CHECK(names_of(changes.changed) == std::vector<std::string>{"moved"});
  CHECK(names_of(changes.added) == std::vector<std::string>{"new"});
}

}  // namespace flopwatt::daemon
