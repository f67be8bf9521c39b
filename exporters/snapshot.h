// Everything that is shown at one moment: made on the metering loop when somebody asks, immutable, read on
// the serving loop.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "readings/bus_use.h"
#include "readings/fault.h"
#include "readings/reading_set.h"
#include "readings/scope_figures.h"

namespace flopwatt {

/// A key of CONTRACT section 4 that a source could have and its newest reading lacks, and why.
struct Missing {
  std::string key;
  std::string reason;
};

/// Whether a snapshot tells why figures are missing: that costs a question a figure.
enum class SnapshotDetail : std::uint8_t { figures, reasons };

struct SourceState {
  SourcePtr source;
  std::shared_ptr<const ReadingSet> newest;  ///< null before the first reading
  bool stale = true;  ///< no good reading for source->stale_after(): its series are absent
  std::uint64_t polls = 0, skipped = 0;
  std::array<std::uint64_t, all_fault_classes.size()> failures{};  ///< in the order of all_fault_classes
  std::string last_fault;          ///< message of the newest failure, "" after a good reading
  SourceId id = 0;                 ///< by which UnitUse names it
  std::vector<Missing> missing{};  ///< of a source that is up, where reasons were asked for

  [[nodiscard]] bool is_up() const { return !stale && newest; }  ///< `flopwatt_source_up`
};

struct StoreState {
  bool up = false;
  std::uint64_t readings = 0;  ///< stored since the store was made
  std::uint64_t size_bytes = 0;
  std::int64_t oldest_wall_us = 0;       ///< 0: empty
  std::uint64_t waiting_readings = 0;    ///< read, not yet committed
  std::uint64_t discarded_readings = 0;  ///< never committed: the store was down for too long
  std::string fault;
};

struct ExporterState {
  std::string name;
  bool up = false;
  std::uint64_t delivered = 0, dropped = 0, backlog = 0;  ///< readings
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
  std::vector<SourceState> sources;  ///< ascending by id
  std::vector<ScopeFigures> scopes;
  std::vector<BusUse> buses;
  StoreState store;
  std::vector<ExporterState> exporters;
  HistogramState poll_duration, poll_lateness;
  std::vector<RejectedLines> rejected_work_lines;  ///< empty: counted work is not configured
  std::int64_t config_loaded_wall_us = 0;
  bool last_reload_successful = true;
  bool beating = true;  ///< the metering loop runs its beats
  bool ready = false;   ///< it does, every source has been polled once, and the store is open

  /// nullptr where there is none of that number (any more).
  [[nodiscard]] const SourceState* find_source(SourceId id) const {
    const auto found = std::ranges::lower_bound(sources, id, {}, &SourceState::id);
    return found != sources.end() && found->id == id ? &*found : nullptr;
  }
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace flopwatt
