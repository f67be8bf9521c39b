#include "agent/daemon/snapshot_maker.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <string>

#include "agent/daemon/missing.h"
#include "runtime/clock.h"

namespace flopwatt::daemon {

SnapshotPtr SnapshotMaker::make(const ConfigState& running, SnapshotDetail detail) const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = now();
  snapshot->node = running.config.node;
  snapshot->sources = intake_.states(snapshot->taken);
  snapshot->scopes = recorder_.figures(snapshot->taken);
  for (const ReloadableDriver& each : drivers_)
    std::ranges::move(each.driver->metric_families(), std::back_inserter(snapshot->driver_metrics));
  if (detail == SnapshotDetail::status) {
    explain_missing(snapshot->sources);
    for (const ReloadableDriver& each : drivers_)
      std::ranges::move(each.driver->status_sections(), std::back_inserter(snapshot->driver_sections));
  }
  snapshot->store = recorder_.state();
  snapshot->exporters = deliveries_.states();
  snapshot->certificates = deliveries_.certificates();
  snapshot->poll_duration = intake_.poll_duration();
  snapshot->poll_lateness = intake_.poll_lateness();
  snapshot->config_loaded_wall_us = running.loaded_at.wall_us;
  snapshot->last_reload_successful = running.last_reload_successful;
  snapshot->counts_work = !running.config.work.statsd.empty();
  snapshot->beating = recorder_.heartbeat().running(std::chrono::steady_clock::now());
  snapshot->ready = intake_.all_polled() && snapshot->beating;
  return snapshot;
}

void SnapshotMaker::explain_missing(std::vector<SourceState>& sources) const {
  for (SourceState& state : sources) {
    if (!state.is_up()) continue;
    state.missing = missing_of(*state.newest, [&](Channel channel) {
      for (const ReloadableDriver& each : drivers_)
        if (std::string reason = each.driver->why_absent(state.id, channel); !reason.empty()) return reason;
      return std::string();
    });
  }
}

}  // namespace flopwatt::daemon
