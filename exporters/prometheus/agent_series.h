// What the agent shows of itself, as families of the prometheus-cpp model.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

#include "exporters/snapshot.h"

namespace flopwatt::prometheus {

/// Sources, polls, what the drivers count, store, exporters and configuration, as the snapshot has them.
class AgentSeries final : public ::prometheus::Collectable {
 public:
  /// Keeps a reference to the snapshot.
  explicit AgentSeries(const Snapshot& snapshot) : snapshot_(snapshot) {}

  [[nodiscard]] std::vector<::prometheus::MetricFamily> Collect() const override;

 private:
  const Snapshot& snapshot_;
};

/// `process_*` as in Prometheus' client libraries, read from /proc/self at each call. A series that cannot be
/// read is left out.
class ProcessSeries final : public ::prometheus::Collectable {
 public:
  [[nodiscard]] std::vector<::prometheus::MetricFamily> Collect() const override;
};

}  // namespace flopwatt::prometheus
