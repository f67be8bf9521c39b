// The deliveries to all push exporters that are configured, with their tasks, at the start and through
// reloads. Metering loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/daemon/delivery.h"
#include "agent/daemon/recorder.h"
#include "agent/daemon/reload.h"
#include "agent/daemon/task_group.h"
#include "config/config.h"
#include "exporters/registry.h"
#include "exporters/snapshot.h"
#include "readings/result.h"
#include "runtime/async.h"

namespace flopwatt::daemon {

class Deliveries {
 public:
  /// Makes a delivery for each exporter of `config`, which `recorder` already knows. `kinds`: all that may be
  /// configured. What is referred to outlives this.
  Deliveries(std::span<const ExporterKind> kinds, const Config& config, Recorder& recorder,
             const ReadingIntake& intake, TaskGroup& tasks);

  /// Starts the tasks of all deliveries.
  void start();

  /// First part of a reload: makes a delivery for each added exporter, whose backlog begins with the next
  /// commit. A fault, where the store cannot take them up: nothing has changed.
  awaitable<Result<Done>> add(const ExporterChanges& changes, const Config& config);
  /// Second part: ends what is gone or changed, then starts what is changed or added, in this order, since an
  /// exporter that goes may have the topics of one that comes. `config` holds from now on.
  awaitable<void> change(const ExporterChanges& changes, const Config& config);

  [[nodiscard]] std::vector<ExporterState> states() const;
  [[nodiscard]] std::vector<CertificateExpiry> certificates() const;  ///< of all exporters

 private:
  struct Running {
    std::unique_ptr<Delivery> delivery;
    std::vector<TaskGroup::Id> tasks;
  };

  void add(const ExporterConfig& exporter, const Config& config, DeliveryRecord record,
           std::uint64_t last_seq);
  void start(Running& running);
  awaitable<void> tell_what_is_left(Delivery& delivery);
  void remove(const std::string& name);
  [[nodiscard]] std::vector<Running>::iterator find(const std::string& name);

  std::span<const ExporterKind> kinds_;
  Recorder& recorder_;
  const ReadingIntake& intake_;
  TaskGroup& tasks_;
  std::vector<Running> running_;
};

}  // namespace flopwatt::daemon
