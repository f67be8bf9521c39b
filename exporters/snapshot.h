// Everything that is shown of the agent at one moment: made on the metering loop on request, immutable, read
// on the serving loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "exporters/push_exporter.h"
#include "readings/certificate.h"
#include "readings/fault.h"
#include "readings/metric_family.h"
#include "readings/reading_set.h"
#include "readings/scope_figures.h"

namespace flopwatt {

/// A key (CONTRACT section 4) that a source could have and that its newest reading lacks, and why.
struct Missing {
  std::string key;
  std::string reason;
};

enum class SnapshotDetail : std::uint8_t {
  figures,  ///< what is on a page that is read often
  status,   ///< also why figures are missing, and the drivers' sections of the status
};

struct SourceState {
  SourcePtr source;
  std::shared_ptr<const ReadingSet> newest;  ///< null before the first reading
  bool stale = true;  ///< no good reading for source->stale_after(): its series are absent
  std::uint64_t polls = 0, skipped = 0;
  FaultCounts failures;
  std::string last_fault;          ///< message of the newest failure, "" after a good reading
  SourceId id = 0;                 ///< by which the drivers know the source
  std::vector<Missing> missing{};  ///< of a source that is up, where the status was asked for

  [[nodiscard]] bool is_up() const { return !stale && newest; }  ///< the value of flopwatt_source_up
};

struct StoreState {
  bool up = false;
  std::uint64_t readings = 0;  ///< stored since the store was made
  std::uint64_t size_bytes = 0;
  std::int64_t oldest_wall_us = 0;       ///< time of the oldest reading; 0: the store is empty
  std::uint64_t waiting_readings = 0;    ///< read, not yet committed
  std::uint64_t discarded_readings = 0;  ///< never committed: the store was down for too long
  std::string fault;
};

struct ExporterState {
  std::string name;
  bool up = false;
  /// Numbers of readings; together they are what was stored since the exporter was first configured. The
  /// backlog waits to be delivered, what is set aside was refused for good and is tried again rarely.
  std::uint64_t delivered = 0, dropped = 0, left_out = 0, set_aside = 0, backlog = 0;
  std::vector<Refusals> refusals{};
  std::vector<std::string> remarks{};  ///< what the operator should know of the present connection
};

/// Cumulative counts in the Prometheus sense.
struct HistogramState {
  std::vector<double> bounds;         ///< upper bounds in seconds, ascending, +Inf left out
  std::vector<std::uint64_t> counts;  ///< one a bound and one for the rest; not cumulative
  double sum = 0;
};

struct Snapshot {
  Moment taken;
  std::string node;
  std::vector<SourceState> sources;  ///< in ascending order of id
  std::vector<ScopeFigures> scopes;
  StoreState store;
  std::vector<ExporterState> exporters;
  std::vector<CertificateExpiry> certificates;  ///< of all exporters; one file may be there several times
  HistogramState poll_duration, poll_lateness;
  std::vector<MetricFamily> driver_metrics;    ///< the drivers' own, each family from one driver
  std::vector<StatusSection> driver_sections;  ///< their part of the status, where the status was asked for
  std::int64_t config_loaded_wall_us = 0;
  bool last_reload_successful = true;
  bool counts_work = false;  ///< workloads may hand in their work: its counters are shown from the start
  bool beating = true;       ///< the metering loop runs its beats
  bool ready = false;        ///< it does, and every source has been polled once
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace flopwatt
