// The agent while it runs: two loops of one thread each. Metering (the calling thread): polls, accounting,
// storing, delivery, reload. Serving (a thread of its own): HTTP. Only immutable snapshots pass between them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/daemon/accelerator_numbers.h"
#include "agent/daemon/deliveries.h"
#include "agent/daemon/exit_deadline.h"
#include "agent/daemon/intake.h"
#include "agent/daemon/recorder.h"
#include "agent/daemon/service_manager.h"
#include "agent/daemon/snapshot_maker.h"
#include "agent/daemon/task_group.h"
#include "config/load.h"
#include "drivers/driver.h"
#include "drivers/registry.h"
#include "exporters/prometheus/endpoint.h"
#include "exporters/registry.h"
#include "exporters/snapshot.h"
#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/condition.h"
#include "runtime/threads.h"

namespace flopwatt::daemon {

class Daemon {
 public:
  /// `loaded` has no errors; `store` is open. `vendors`: the supported vendors of accelerators; `exporters`: the
  /// kinds that the configuration may name; both outlive this. From now on SIGTERM, SIGINT and SIGHUP are the
  /// daemon's. Throws NoThread, as run() does, where a thread is not left that the agent needs.
  Daemon(std::shared_ptr<const Loaded> loaded, std::unique_ptr<store::Store> store,
         std::span<const accelerators::Vendor> vendors, std::span<const ExporterKind> exporters);
  ~Daemon();

  /// Binds the endpoint's addresses. Before run().
  [[nodiscard]] Result<Done> listen();

  /// Runs until SIGTERM or SIGINT, then commits what is left. Throws what a task threw that should not have.
  void run();

 private:
  [[nodiscard]] Result<std::vector<std::uint16_t>> listen_on(const std::vector<ListenAddress>& addresses);
  void run_metering();
  awaitable<void> run_tasks();
  void start_tasks();
  awaitable<void> watch_signals();
  awaitable<void> run_serving();
  awaitable<void> keep_service_manager_informed();
  [[nodiscard]] std::string status_line() const;

  // Reload
  awaitable<void> reload_when_asked();
  awaitable<bool> reload();
  awaitable<bool> apply(std::shared_ptr<const Loaded> next);

  awaitable<SnapshotPtr> make_snapshot(SnapshotDetail detail);
  awaitable<SnapshotPtr> ask_for_snapshot(SnapshotDetail detail);

  ExitDeadline exit_deadline_;            // first, so destroyed last: all else may hang
  std::shared_ptr<const Loaded> loaded_;  ///< the configuration that runs
  std::span<const accelerators::Vendor> vendors_;
  Moment loaded_at_;
  bool last_reload_successful_ = true;
  ServiceManager service_manager_;
  asio::io_context metering_{1};
  asio::io_context serving_{1};
  asio::signal_set signals_;
  asio::signal_set end_signals_;  // on the serving loop: the metering loop may stand still
  TaskGroup tasks_;
  ReadingIntake intake_;
  Recorder recorder_;
  AcceleratorNumbers accelerator_numbers_;
  std::vector<ReloadableDriver> drivers_;
  std::span<const ExporterKind> exporter_kinds_;
  Deliveries deliveries_;
  SnapshotMaker snapshot_maker_;
  prometheus::Endpoint endpoint_;
  bool reload_asked_ = false;
  Condition reload_due_;
  WorkThread reload_thread_{"the reload of the configuration"};  // files are read there: a disk may be slow
};

}  // namespace flopwatt::daemon
