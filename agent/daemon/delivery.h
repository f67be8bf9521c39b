// Delivery to one push exporter: new batches go out at once on the live lane, everything else that is not yet
// delivered flows beside them on the replay lane. The store's log is the only queue. Metering loop only.
//
// Each set has its own fate: what was acknowledged is delivered, whatever befalls its neighbours. The replay
// lane takes, in this order: what waits by source for another attempt; what was never tried; and, once with
// each connection and each 10 minutes, what the receiver refused for good.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "agent/daemon/delivery_record.h"
#include "exporters/push_exporter.h"
#include "readings/result.h"
#include "runtime/async.h"
#include "runtime/condition.h"
#include "runtime/schedule.h"

namespace flopwatt::daemon {

/// Reads a chunk of the log without blocking the loop.
using LogReader =
    std::function<awaitable<Result<std::vector<StoredSet>>>(store::Span span, std::size_t max_sets)>;

class Delivery {
 public:
  struct Settings {
    std::chrono::microseconds live_age;  ///< what is older when it is sent goes to the replay lane
    std::uint64_t last_seq;              ///< newest seq in the store at the start
  };

  Delivery(std::unique_ptr<PushExporter> exporter, DeliveryRecord record, LogReader reader,
           Settings settings);

  /// A batch was committed.
  void offer(const StoredBatch& batch);

  /// See DeliveryRecord; what waited for the end of a commit goes on.
  void end_commit(std::uint64_t stored, store::Span removed, std::uint64_t dropped,
                  const store::HeldSets* held);
  void abandon_commit();

  /// Another exporter of the same name goes on where the old one was, whose tasks have ended: nothing that it
  /// had not delivered is lost, nor delivered twice.
  void replace_exporter(std::unique_ptr<PushExporter> exporter);
  void set_live_age(std::chrono::microseconds live_age) { settings_.live_age = live_age; }

  /// The three tasks of a delivery; each runs until it is cancelled.
  awaitable<void> run_connection() { return exporter_->run(); }
  awaitable<void> run_live();
  awaitable<void> run_replay();

  [[nodiscard]] PushExporter& exporter() { return *exporter_; }
  [[nodiscard]] DeliveryRecord& record() { return record_; }
  [[nodiscard]] const DeliveryRecord& record() const { return record_; }

 private:
  /// What the replay lane does next.
  struct Work {
    store::Span span;                 ///< to read from the log
    std::optional<store::Hold> held;  ///< nullopt: a gap
  };

  void let_go_of_old();
  [[nodiscard]] bool is_old(const std::vector<StoredSet>& sets) const;
  [[nodiscard]] std::int64_t oldest_live_us() const;
  awaitable<void> publish_live(StoredBatch batch);
  [[nodiscard]] std::optional<Work> next_work();
  [[nodiscard]] SteadyTime next_attempt() const;
  awaitable<bool> replay_gap(store::Span gap);
  awaitable<bool> replay_held(Work work);
  awaitable<Result<std::vector<StoredSet>>> read(store::Span span);
  [[nodiscard]] store::HeldSets::Predicate may_go() const;

  std::unique_ptr<PushExporter> exporter_;
  DeliveryRecord record_;
  LogReader reader_;
  Settings settings_;
  struct LiveBatch {
    StoredBatch batch;
    std::uint64_t connection;  // under which it was stored
  };
  std::deque<LiveBatch> live_;  // claimed, waiting for the live lane
  Condition live_changed_, replay_changed_;
  // The pass over what is set aside: from where on, while there is one; else when the next one begins.
  std::optional<std::uint64_t> pass_from_;
  SteadyTime next_pass_{};
  std::uint64_t pass_connection_ = 0;
};

}  // namespace flopwatt::daemon
