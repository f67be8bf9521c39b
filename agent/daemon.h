// The agent while it runs: two loops of one thread each. Metering (the calling thread): polls, accounting,
// storing, delivery. Serving (a thread of its own): HTTP. Only immutable snapshots pass between them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "agent/delivery.h"
#include "agent/hub.h"
#include "agent/keeper.h"
#include "config/load.h"
#include "exporters/prometheus/endpoint.h"
#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/driver.h"
#include "runtime/snapshot.h"

namespace flopwatt::agent {

class Daemon {
 public:
  /// `loaded` has no errors and outlives the daemon; `store` is open.
  Daemon(const Loaded& loaded, std::unique_ptr<store::Store> store);
  ~Daemon();

  /// Binds the endpoint's addresses. Before run().
  [[nodiscard]] Result<Done> listen();

  /// Runs until SIGTERM or SIGINT, then commits what is left. Throws what a task threw that should not have.
  void run();

 private:
  void make_deliveries();
  awaitable<void> run_tasks();
  awaitable<void> wait_for_signal();
  awaitable<void> run_serving();
  awaitable<SnapshotPtr> make_snapshot();
  awaitable<SnapshotPtr> ask_for_snapshot();

  const Loaded& loaded_;
  Moment loaded_at_;
  asio::io_context metering_{1};
  asio::io_context serving_{1};
  Hub hub_;
  Keeper keeper_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;
  exposition::Endpoint endpoint_;
};

}  // namespace flopwatt::agent
