// The recorder: seals a batch each second, has it accounted, has it stored each commit interval, and tells
// the deliveries what is stored. While the store cannot commit, sets wait in memory within a bound, then are
// discarded and counted; accounting, polling and the endpoint go on. Metering loop only; the store works on a
// thread of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/accounting/accounting.h"
#include "agent/daemon/contradiction_log.h"
#include "agent/daemon/delivery.h"
#include "agent/daemon/figure_log.h"
#include "agent/daemon/heartbeat.h"
#include "agent/daemon/intake.h"
#include "agent/daemon/store_log.h"
#include "agent/store/store.h"
#include "config/config.h"
#include "exporters/snapshot.h"
#include "runtime/async.h"
#include "runtime/condition.h"
#include "runtime/threads.h"

namespace flopwatt::daemon {

class Recorder {
 public:
  /// `store` is open. `deliveries` are told after each commit; they outlive the recorder's tasks. Throws
  /// NoThread where no thread is left for the store.
  Recorder(const Config& config, ReadingIntake& intake, std::unique_ptr<store::Store> store);
  ~Recorder();

  void add_delivery(Delivery& delivery) { deliveries_.push_back(&delivery); }
  void remove_delivery(const Delivery& delivery) { std::erase(deliveries_, &delivery); }

  /// See Store::set_exporters() and Store::set_limits(): on the store's thread, behind the commits that are
  /// under way.
  awaitable<Result<std::map<std::string, store::ExporterRecord>>> set_exporters(
      std::vector<std::string> names);
  awaitable<void> set_store_limits(StoreConfig limits);

  /// After a reload: scopes, windows, least coverage and commit interval of `config`. Between two batches.
  void reconfigure(const Config& config);

  /// Totals that are not accounting's, saved with the next commit.
  void keep(const Totals& totals);

  /// Beats with each batch that is sealed, whatever devices answer and the store does.
  [[nodiscard]] const Heartbeat& heartbeat() const { return heartbeat_; }

  /// Seals and accounts a batch each second, or each commit interval if that is shorter. Until cancelled.
  awaitable<void> run_sealing();
  /// Commits what is sealed, each commit interval. Until cancelled; a commit under way is waited for.
  awaitable<void> run_storing();

  /// At the end: what the intake still holds, and the newest delivery marks, are committed once more. Where that
  /// fails, tries for about a second, also with fewer sets, then says how many readings are lost. Blocks.
  void commit_rest();

  /// For deliveries: reads a chunk of the log on the store's thread.
  awaitable<Result<std::vector<StoredSet>>> read(store::Span span, std::size_t max_sets);

  [[nodiscard]] const store::Opened& opened() const;
  [[nodiscard]] StoreState state() const;
  /// Running figures of the scopes. Their counters are as of the last commit: they survive restarts, so what
  /// was shown must not fall when the agent is killed (Prometheus would take that for a reset).
  [[nodiscard]] std::vector<ScopeFigures> figures(Moment now) const;

 private:
  void replay(const Config& config);
  void seal();
  void discard_overflow();
  [[nodiscard]] bool has_work() const;
  [[nodiscard]] store::Commit next_commit(std::size_t most_sets);
  void take_up(const store::Opened& late);
  void committed(store::Commit commit, const store::Committed& result);
  void failed(store::Commit commit, const Fault& fault);

  ReadingIntake& intake_;
  std::chrono::microseconds interval_;
  accounting::Settings accounting_settings_;
  accounting::Accounting accounting_;
  std::unique_ptr<store::Store> store_;
  std::vector<Delivery*> deliveries_;

  Heartbeat heartbeat_;
  std::vector<ReadingSet> waiting_;   // sealed, oldest first
  std::size_t waiting_readings_ = 0;  // of waiting_ and of the commit under way
  Totals totals_;                     // to be saved with the next commit
  ContradictionLog contradiction_log_;
  FigureLog figure_log_;
  SnapshotWatch snapshot_watch_;
  std::vector<ScopeFigures> sealed_figures_;  // what totals_ will have made durable
  std::vector<ScopeFigures> stored_figures_;  // what the last commit has
  unsigned configurations_ = 1;               // so far: figures of different ones do not mix
  StoreState state_;
  Condition commit_due_;                  // notified when there is something to commit, and it is time
  WorkThread store_thread_{"the store"};  // last: joined first, so nothing it uses is gone
};

}  // namespace flopwatt::daemon
