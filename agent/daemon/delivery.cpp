#include "agent/daemon/delivery.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/backoff.h"
#include "runtime/clock.h"
#include "runtime/log.h"

namespace flopwatt::daemon {
namespace {

/// Sets in one chunk of backlog: a few messages of up to 500 objects, read in some milliseconds.
constexpr std::size_t replay_chunk_sets = 2000;
/// Batches that may wait for the live lane; more means that it cannot keep up, and they become backlog.
constexpr std::size_t max_live_batches = 16;
constexpr Backoff::Policy retry_policy{std::chrono::seconds(1), std::chrono::seconds(30)};

/// Releases a claim at the end of its scope: delivered, failed or cancelled.
class ReleaseAtEnd {
 public:
  ReleaseAtEnd(DeliveryRecord& record, store::Span span) : record_(record), span_(span) {}
  ~ReleaseAtEnd() { record_.release(span_); }
  ReleaseAtEnd(const ReleaseAtEnd&) = delete;
  ReleaseAtEnd& operator=(const ReleaseAtEnd&) = delete;

 private:
  DeliveryRecord& record_;
  store::Span span_;
};

}  // namespace

Delivery::Delivery(std::unique_ptr<PushExporter> exporter, DeliveryRecord record, LogReader reader,
                   Settings settings)
    : exporter_(std::move(exporter)),
      record_(std::move(record)),
      reader_(std::move(reader)),
      settings_(settings) {}

void Delivery::offer(const StoredBatch& batch) {
  settings_.last_seq = batch->back().seq;
  if (exporter_->up() && live_.size() < max_live_batches) {
    record_.claim(span_of(*batch));
    live_.push_back({batch, exporter_->connection()});
    live_changed_.notify();
  } else {
    replay_changed_.notify();
  }
}

void Delivery::replace_exporter(std::unique_ptr<PushExporter> exporter) {
  for (const LiveBatch& waiting : live_) record_.release(span_of(*waiting.batch));
  live_.clear();
  exporter_ = std::move(exporter);
}

awaitable<void> Delivery::run_live() {
  for (;;) {
    if (live_.empty()) {
      co_await live_changed_.wait();
      continue;
    }
    const auto [batch, connection] = live_.front();
    live_.pop_front();
    {
      const ReleaseAtEnd claim(record_, span_of(*batch));
      // What was stored under an earlier connection is not live any more.
      if (exporter_->up() && exporter_->connection() == connection) co_await publish_live(batch);
    }
    replay_changed_.notify();
  }
}

awaitable<void> Delivery::publish_live(StoredBatch batch) {
  const std::int64_t oldest_live = now().wall_us - settings_.live_age.count();
  const auto is_old = [=](const StoredSet& stored) { return stored.set.time.wall_us < oldest_live; };
  if (std::ranges::all_of(*batch, is_old)) co_return;  // it stays undelivered: the replay lane's work
  if (std::ranges::none_of(*batch, is_old)) {
    if (co_await exporter_->publish(*batch, PushExporter::Lane::live)) record_.acknowledge(batch);
    co_return;
  }
  // A window that closed late travels with new readings: each on its own lane, acknowledged together.
  std::vector<StoredSet> fresh, old;
  std::ranges::partition_copy(*batch, std::back_inserter(old), std::back_inserter(fresh), is_old);
  if (!co_await exporter_->publish(fresh, PushExporter::Lane::live)) co_return;
  if (co_await exporter_->publish(old, PushExporter::Lane::replay)) record_.acknowledge(batch);
}

awaitable<void> Delivery::run_replay() {
  Backoff backoff(retry_policy);
  for (;;) {
    co_await exporter_->wait_until_up();
    const auto gap = record_.next_gap(settings_.last_seq);
    if (!gap) {
      co_await replay_changed_.wait();
      continue;
    }
    if (co_await replay_chunk(*gap)) {
      backoff.succeed();
      continue;
    }
    co_await sleep_until(backoff.fail(std::chrono::steady_clock::now()));
  }
}

awaitable<bool> Delivery::replay_chunk(store::Span gap) {
  record_.claim(gap);
  const ReleaseAtEnd claim(record_, gap);
  bool done = false;
  auto sets = co_await reader_(gap, replay_chunk_sets);
  if (!sets) {
    log::warn("reading the backlog failed",
              {{"exporter", exporter_->name()}, {"reason", sets.error().message}});
  } else if (sets->empty()) {
    // No set is there: a hole that a jump of the numbering left, or the limits have just taken the span out,
    // which the record learns in a moment.
    done = record_.pass(gap);
  } else {
    const auto chunk = std::make_shared<const std::vector<StoredSet>>(std::move(*sets));
    const auto published = co_await exporter_->publish(*chunk, PushExporter::Lane::replay);
    if (published) record_.acknowledge(chunk);
    done = published.has_value();
  }
  co_return done;
}

}  // namespace flopwatt::daemon
