// Puts together what is shown of the agent at one moment. Metering loop only.
#pragma once

#include <vector>

#include "agent/daemon/deliveries.h"
#include "agent/daemon/intake.h"
#include "agent/daemon/recorder.h"
#include "config/config.h"
#include "drivers/registry.h"
#include "exporters/snapshot.h"
#include "readings/reading_set.h"

namespace flopwatt::daemon {

/// The configuration that runs.
struct ConfigState {
  const Config& config;
  Moment loaded_at;
  bool last_reload_successful = true;
};

class SnapshotMaker {
 public:
  /// All of these outlive this.
  SnapshotMaker(const ReadingIntake& intake, const Recorder& recorder,
                const std::vector<ReloadableDriver>& drivers, const Deliveries& deliveries)
      : intake_(intake), recorder_(recorder), drivers_(drivers), deliveries_(deliveries) {}

  /// The agent as it is now.
  [[nodiscard]] SnapshotPtr make(const ConfigState& running, SnapshotDetail detail) const;

 private:
  void explain_missing(std::vector<SourceState>& sources) const;

  const ReadingIntake& intake_;
  const Recorder& recorder_;
  const std::vector<ReloadableDriver>& drivers_;
  const Deliveries& deliveries_;
};

}  // namespace flopwatt::daemon
