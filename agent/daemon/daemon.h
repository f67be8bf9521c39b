// The agent while it runs: two loops of one thread each. Metering (the calling thread): polls, accounting,
// storing, delivery, reload. Serving (a thread of its own): HTTP. Only immutable snapshots pass between them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/daemon/accelerator_numbers.h"
#include "agent/daemon/delivery.h"
#include "agent/daemon/exit_deadline.h"
#include "agent/daemon/intake.h"
#include "agent/daemon/recorder.h"
#include "agent/daemon/reload.h"
#include "agent/daemon/service_manager.h"
#include "agent/daemon/task_group.h"
#include "config/load.h"
#include "drivers/driver.h"
#include "drivers/registry.h"
#include "exporters/prometheus/endpoint.h"
#include "exporters/snapshot.h"
#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/condition.h"

namespace flopwatt::daemon {

class Daemon {
 public:
  /// `loaded` has no errors; `vendors` are the supported ones; `store` is open. From now on SIGTERM, SIGINT
  /// and SIGHUP are the daemon's.
  Daemon(std::shared_ptr<const Loaded> loaded, std::span<const accelerators::Vendor> vendors,
         std::unique_ptr<store::Store> store);
  ~Daemon();

  /// Binds the endpoint's addresses. Before run().
  [[nodiscard]] Result<Done> listen();

  /// Runs until SIGTERM or SIGINT, then commits what is left. Throws what a task threw that should not have.
  void run();

 private:
  struct Outlet {
    std::unique_ptr<Delivery> delivery;
    std::vector<TaskGroup::Id> tasks;
  };

  awaitable<void> run_tasks();
  void start_tasks();
  awaitable<void> watch_signals();
  awaitable<void> run_serving();
  awaitable<void> keep_service_manager_informed();
  [[nodiscard]] std::string status_line() const;

  // Reload
  awaitable<void> reload_when_asked();
  awaitable<bool> reload();
  awaitable<bool> apply(std::shared_ptr<const Loaded> anew);
  awaitable<bool> add_exporters(const ExporterChanges& changes, const Config& config);
  awaitable<void> change_exporters(const ExporterChanges& changes);

  void add_outlet(const MqttConfig& mqtt, DeliveryRecord record, std::uint64_t last_seq);
  void start_outlet(Outlet& outlet);
  [[nodiscard]] std::vector<Outlet>::iterator find_outlet(const std::string& name);

  awaitable<SnapshotPtr> make_snapshot(SnapshotDetail detail);
  awaitable<SnapshotPtr> ask_for_snapshot(SnapshotDetail detail);
  void explain_missing(std::vector<SourceState>& sources) const;

  std::shared_ptr<const Loaded> loaded_;  ///< the configuration that runs
  std::span<const accelerators::Vendor> vendors_;
  Moment loaded_at_;
  bool last_reload_successful_ = true;
  ServiceManager service_manager_;
  asio::io_context metering_{1};
  asio::io_context serving_{1};
  asio::signal_set signals_;
  TaskGroup tasks_;
  ReadingIntake intake_;
  Recorder recorder_;
  AcceleratorNumbers accelerator_numbers_;
  std::vector<ReloadableDriver> drivers_;
  std::vector<Outlet> outlets_;
  prometheus::Endpoint endpoint_;
  std::optional<ExitDeadline> exit_deadline_;  // from the signal to the end
  bool reload_asked_ = false;
  Condition reload_due_;
  asio::thread_pool reload_thread_{1};  // files are read there: a disk may be slow
};

}  // namespace flopwatt::daemon
