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
/// Batches that may wait for the live lane. It lets go of those that have grown old long before so many wait, unless
/// the clock was set back.
constexpr std::size_t max_live_batches = 256;
/// Sets of batches that waited together go out together: a broker may be farther away than a commit is long. Not more
/// than a few windows of messages, or they would grow old on their way.
constexpr std::size_t most_joined_sets = 256;
/// How long what is set aside rests, unless a new connection comes first.
constexpr std::chrono::minutes pass_interval{10};
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

StoredBatch joined(const std::vector<StoredSet>& first, const std::vector<StoredSet>& second) {
  std::vector<StoredSet> both = first;
  both.insert(both.end(), second.begin(), second.end());
  return std::make_shared<const std::vector<StoredSet>>(std::move(both));
}

/// Leaves of the runs what lies up to and including `end`.
void cut_behind(std::uint64_t end, HeldPart& part) {
  for (auto& [source, spans] : part) {
    std::erase_if(spans, [end](const store::Span& span) { return span.first > end; });
    for (store::Span& span : spans) span.last = std::min(span.last, end);
  }
  std::erase_if(part, [](const auto& each) { return each.second.empty(); });
}

bool is_in(const HeldPart& part, const StoredSet& stored) {
  const auto runs = part.find({stored.set.source->kind, stored.set.source->name});
  return runs != part.end() && std::ranges::any_of(runs->second, [&stored](const store::Span& span) {
           return span.first <= stored.seq && stored.seq <= span.last;
         });
}

/// Settles the sets of a publish() call at the end of its scope: also what is known of one that was
/// cancelled.
class SettleAtEnd {
 public:
  SettleAtEnd(DeliveryRecord& record, StoredBatch sets, std::optional<HeldPart> part = std::nullopt)
      : fates(sets->size()), record_(record), sets_(std::move(sets)), part_(std::move(part)) {}
  ~SettleAtEnd() {
    if (part_)
      record_.settle_held(std::move(*part_), std::move(sets_), std::move(fates));
    else
      record_.settle(std::move(sets_), std::move(fates));
  }
  SettleAtEnd(const SettleAtEnd&) = delete;
  SettleAtEnd& operator=(const SettleAtEnd&) = delete;

  /// Some set has a fate, or there was none to publish.
  [[nodiscard]] bool has_progress() const {
    return fates.empty() || std::ranges::any_of(fates, [](Fate fate) { return fate != Fate::unanswered; });
  }

  std::vector<Fate> fates;

 private:
  DeliveryRecord& record_;
  StoredBatch sets_;
  std::optional<HeldPart> part_;
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
  let_go_of_old();
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

// Batches that the live lane does not come to become backlog when they are no live readings any more, and not before:
// new readings never go out under the replay topics.
void Delivery::let_go_of_old() {
  while (!live_.empty() && is_old(*live_.front().batch)) {
    record_.release(span_of(*live_.front().batch));
    live_.pop_front();
  }
}

bool Delivery::is_old(const std::vector<StoredSet>& sets) const {
  const std::int64_t oldest = oldest_live_us();
  return std::ranges::all_of(sets,
                             [oldest](const StoredSet& stored) { return stored.set.time.wall_us < oldest; });
}

std::int64_t Delivery::oldest_live_us() const { return now().wall_us - settings_.live_age.count(); }

awaitable<void> Delivery::run_live() {
  for (;;) {
    if (live_.empty()) {
      co_await live_changed_.wait();
      continue;
    }
    {
      std::deque<ReleaseAtEnd> claims;
      const auto take = [&] {
        LiveBatch taken = std::move(live_.front());
        live_.pop_front();
        claims.emplace_back(record_, span_of(*taken.batch));
        return taken;
      };
      auto [batch, connection] = take();
      while (!live_.empty() && live_.front().connection == connection &&
             batch->size() + live_.front().batch->size() <= most_joined_sets)
        batch = joined(*batch, *take().batch);
      // What was stored under an earlier connection is not live any more.
      if (exporter_->up() && exporter_->connection() == connection) co_await publish_live(batch);
    }
    replay_changed_.notify();
  }
}

void Delivery::end_commit(std::uint64_t stored, store::Span removed, std::uint64_t dropped,
                          const store::HeldSets* held) {
  record_.end_commit(stored, removed, dropped, held);
  replay_changed_.notify();
}

void Delivery::abandon_commit() {
  record_.abandon_commit();
  replay_changed_.notify();
}

awaitable<void> Delivery::publish_live(StoredBatch batch) {
  if (is_old(*batch)) co_return;  // it stays undelivered: the replay lane's work
  const auto is_late = [oldest = oldest_live_us()](const StoredSet& stored) {
    return stored.set.time.wall_us < oldest;
  };
  if (std::ranges::none_of(*batch, is_late)) {
    SettleAtEnd settled(record_, batch);
    co_await exporter_->publish(*batch, PushExporter::Lane::live, settled.fates);
    co_return;
  }
  // A window that closed late travels with new readings: each on its own lane, settled together.
  std::vector<StoredSet> fresh, old;
  std::ranges::partition_copy(*batch, std::back_inserter(old), std::back_inserter(fresh), is_late);
  std::vector<Fate> fates_of_fresh(fresh.size()), fates_of_old(old.size());
  SettleAtEnd settled(record_, batch);
  co_await exporter_->publish(fresh, PushExporter::Lane::live, fates_of_fresh);
  co_await exporter_->publish(old, PushExporter::Lane::replay, fates_of_old);
  auto next_fresh = fates_of_fresh.begin(), next_old = fates_of_old.begin();
  std::ranges::transform(*batch, settled.fates.begin(), [&](const StoredSet& stored) {
    return is_late(stored) ? *next_old++ : *next_fresh++;
  });
}

awaitable<void> Delivery::run_replay() {
  Backoff backoff(retry_policy);
  for (;;) {
    co_await exporter_->wait_until_up();
    const auto work = next_work();
    if (!work) {
      co_await replay_changed_.wait(next_attempt());
      continue;
    }
    const std::uint64_t connection = exporter_->connection();
    const bool done = work->held ? co_await replay_held(*work) : co_await replay_gap(work->span);
    // Where the connection was lost, its own pauses are enough.
    if (!done && (!exporter_->up() || exporter_->connection() != connection)) continue;
    if (done) {
      backoff.succeed();
      continue;
    }
    co_await sleep_until(backoff.fail(std::chrono::steady_clock::now()));
  }
}

store::HeldSets::Predicate Delivery::may_go() const {
  const auto now = std::chrono::steady_clock::now();
  return [this, now](const store::HeldSource& source) {
    return exporter_->replay_from(source.kind, source.name) <= now;
  };
}

std::optional<Delivery::Work> Delivery::next_work() {
  // What is settled during a commit still looks as if it were to be tried.
  if (!record_.is_settling())
    if (const auto waiting = record_.held().lowest(store::Hold::waiting, 0, may_go()))
      return Work{*waiting, store::Hold::waiting};
  if (const auto gap = record_.next_gap(settings_.last_seq)) return Work{*gap, std::nullopt};
  if (record_.is_settling()) return std::nullopt;
  const auto now = std::chrono::steady_clock::now();
  if (exporter_->connection() != pass_connection_ || (!pass_from_ && next_pass_ <= now)) pass_from_ = 0;
  pass_connection_ = exporter_->connection();
  if (!pass_from_) return std::nullopt;
  if (const auto refused = record_.held().lowest(store::Hold::set_aside, *pass_from_, may_go()))
    return Work{*refused, store::Hold::set_aside};
  pass_from_.reset();
  next_pass_ = now + pass_interval;
  return std::nullopt;
}

SteadyTime Delivery::next_attempt() const {
  SteadyTime next = next_pass_;
  const auto earliest = [&](const store::HeldSource& source) {
    next = std::min(next, exporter_->replay_from(source.kind, source.name));
    return false;
  };
  static_cast<void>(record_.held().lowest(store::Hold::waiting, 0, earliest));
  // While a commit runs its end wakes the lane.
  return record_.is_settling() ? SteadyTime::max() : next;
}

awaitable<Result<std::vector<StoredSet>>> Delivery::read(store::Span span) {
  auto sets = co_await reader_(span, replay_chunk_sets);
  if (!sets)
    log::warn("reading the backlog failed",
              {{"exporter", exporter_->name()}, {"reason", sets.error().message}});
  co_return sets;
}

/// False where nothing came of it: the lane waits a moment.
awaitable<bool> Delivery::replay_gap(store::Span gap) {
  record_.claim(gap);
  const ReleaseAtEnd claim(record_, gap);
  auto sets = co_await read(gap);
  if (!sets) co_return false;
  // No set is there: a hole that a jump of the numbering left, or the limits have just taken the span out,
  // which the record learns in a moment.
  if (sets->empty()) co_return record_.pass(gap);
  const auto chunk = std::make_shared<const std::vector<StoredSet>>(std::move(*sets));
  SettleAtEnd settled(record_, chunk);
  co_await exporter_->publish(*chunk, PushExporter::Lane::replay, settled.fates);
  co_return settled.has_progress();
}

/// All sources that may go and are held in that way from there on go together, as far as one chunk reaches.
awaitable<bool> Delivery::replay_held(Work work) {
  HeldPart part = record_.held().runs_from(*work.held, work.span.first, may_go());
  std::uint64_t end = work.span.last;
  for (const auto& [source, spans] : part) end = std::max(end, spans.back().last);
  auto sets = co_await read({work.span.first, end});
  if (!sets) co_return false;
  if (sets->size() >= replay_chunk_sets) end = sets->back().seq;
  cut_behind(end, part);
  std::erase_if(*sets, [&part](const StoredSet& stored) { return !is_in(part, stored); });
  const auto chunk = std::make_shared<const std::vector<StoredSet>>(std::move(*sets));
  SettleAtEnd settled(record_, chunk, std::move(part));
  co_await exporter_->publish(*chunk, PushExporter::Lane::replay, settled.fates);
  if (*work.held == store::Hold::set_aside) pass_from_ = end + 1;
  co_return settled.has_progress();
}

}  // namespace flopwatt::daemon
