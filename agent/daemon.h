// The agent while it runs: two loops of one thread each. Metering (this thread): polls, accounting, storing,
// delivery. Serving: HTTP. Only immutable snapshots pass between them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "agent/delivery.h"
#include "agent/hub.h"
#include "agent/keeper.h"
#include "config/load.h"
#include "exporters/prometheus/endpoint.h"
#include "runtime/driver.h"
#include "runtime/snapshot.h"

namespace flopwatt::agent {

class Daemon {
 public:
  /// `loaded` has no errors; `store` is open.
  Daemon(const Loaded& loaded, std::unique_ptr<store::Store> store);
  ~Daemon();

  /// Runs until SIGTERM or SIGINT, then commits what is left. Returns the program's exit code.
  int run();

 private:
  void make_deliveries();
  awaitable<void> run_metering();
  awaitable<void> wait_for_signal();
  awaitable<SnapshotPtr> make_snapshot();
  awaitable<SnapshotPtr> ask_snapshot();

  const Loaded& loaded_;
  Moment loaded_at_;
  asio::io_context metering_{1};
  Hub hub_;
  Keeper keeper_;
  std::vector<std::unique_ptr<Driver>> drivers_;
  std::vector<std::unique_ptr<Delivery>> deliveries_;
};

}  // namespace flopwatt::agent
