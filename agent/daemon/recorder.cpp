#include "agent/daemon/recorder.h"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/schedule.h"

namespace flopwatt::daemon {
namespace {

/// Readings that wait in memory while the store cannot commit: about 20 MiB; a rack of 700 readings a second
/// fills it in 20 minutes.
constexpr std::size_t max_waiting_readings = 1'000'000;
/// Readings of an earlier run that complete windows: about a second of the start.
constexpr std::size_t max_replayed_readings = 1'000'000;
/// Sets in one transaction: after an outage the backlog goes in as several.
constexpr std::size_t max_commit_sets = 5000;
/// At the end: of the 2 s that the agent has from the signal on.
constexpr std::chrono::milliseconds longest_farewell_commit{1000};
constexpr std::chrono::milliseconds farewell_pause{50};
constexpr std::size_t fewest_commit_sets = 20;
/// Batches are sealed in the last slot of a second: polls move, but batches, windows and commits do not.
constexpr std::chrono::milliseconds seal_offset = slot_offset(slots_per_second - 2);

std::size_t known_readings(const std::vector<ReadingSet>& sets) {
  std::size_t readings = 0;
  for (const ReadingSet& set : sets) readings += set.known_count();
  return readings;
}

const ScopeFigures* find_scope(const std::vector<ScopeFigures>& scopes, const std::string& name) {
  const auto found = std::ranges::find(scopes, name, &ScopeFigures::name);
  return found == scopes.end() ? nullptr : &*found;
}

accounting::Settings settings_of(const Config& config) {
  return {config.scopes, config.windows, config.min_coverage};
}

double counter_in(const ReadingSet& set, Channel channel) {
  const auto index = set.source ? set.source->index_of(channel) : std::nullopt;
  return index ? set.values[*index] : absent;
}

/// Calls `visit` with channel and value of each counter of a scope's set.
void for_each_counter(ReadingSet& set, const auto& visit) {
  for (std::size_t i = 0; i < set.values.size(); ++i) {
    const Channel channel = set.source->fields[i].channel;
    if (find_row(SourceKind::scope, channel)->kind == ValueKind::counter) visit(channel, set.values[i]);
  }
}

/// Replaces the counters of `shown` by those of `stored`, the same scope.
void show_counters_of(const ScopeFigures& stored, ScopeFigures& shown) {
  for_each_counter(shown.figures,
                   [&](Channel channel, double& value) { value = counter_in(stored.figures, channel); });
}

/// The same after a reload, where some of the scope's counters may have begun at 0.
void show_counters_that_go_on(const ScopeFigures& stored, ScopeFigures& shown) {
  for_each_counter(shown.figures, [&](Channel channel, double& value) {
    const double before = counter_in(stored.figures, channel);
    if (!(value < before)) value = before;
  });
}

}  // namespace

Recorder::Recorder(const Config& config, ReadingIntake& intake, std::unique_ptr<store::Store> store)
    : intake_(intake),
      interval_(config.store.commit),
      accounting_settings_(settings_of(config)),
      accounting_(accounting_settings_, store->opened().totals, now()),
      store_(std::move(store)) {
  replay(config);
  stored_figures_ = accounting_.figures(now());
  const store::Opened& opened = store_->opened();
  state_.up = opened.down.empty();
  state_.fault = opened.down;
  state_.readings = opened.total_readings;
  state_.size_bytes = opened.size_bytes;
  state_.oldest_wall_us = opened.oldest_wall_us;
}

Recorder::~Recorder() = default;

/// Windows that reach back before this start are completed from the store, as far as a short start allows.
void Recorder::replay(const Config& config) {
  const Moment began = now();
  std::chrono::microseconds longest{0};
  for (const Window& window : config.windows) longest = std::max(longest, window.length);
  std::vector<std::vector<StoredSet>> chunks;  // the newest first
  std::size_t readings = 0;
  std::uint64_t end = store_->opened().next_seq;
  while (readings < max_replayed_readings) {
    auto chunk = store_->read_before(end, max_commit_sets);
    if (!chunk || chunk->empty()) break;
    for (const StoredSet& stored : *chunk) readings += stored.set.known_count();
    const std::int64_t oldest_us = chunk->front().set.time.wall_us;
    end = chunk->front().seq;
    chunks.push_back(std::move(*chunk));
    if (began.wall_us - oldest_us > longest.count()) break;
  }
  std::vector<ReadingSet> sets;
  for (auto chunk = chunks.rbegin(); chunk != chunks.rend(); ++chunk)
    for (StoredSet& stored : *chunk) sets.push_back(std::move(stored.set));
  accounting_.replay(sets, began);
}

std::vector<ScopeFigures> Recorder::figures(Moment now) const {
  std::vector<ScopeFigures> scopes = accounting_.figures(now);
  for (ScopeFigures& scope : scopes) {
    const ScopeFigures* stored = find_scope(stored_figures_, scope.name);
    if (stored != nullptr) show_counters_of(*stored, scope);
  }
  return scopes;
}

void Recorder::reconfigure(const Config& config) {
  interval_ = config.store.commit;
  accounting_settings_ = settings_of(config);
  accounting_.reconfigure(accounting_settings_);
  // What starts at 0 is shown so at once: were it 0 only after the next commit, it could not be told from a
  // fall after a crash. What goes on is shown as it is stored.
  std::vector<ScopeFigures> figures = accounting_.figures(now());
  for (ScopeFigures& scope : figures) {
    const ScopeFigures* stored = find_scope(stored_figures_, scope.name);
    if (stored != nullptr) show_counters_that_go_on(*stored, scope);
  }
  stored_figures_ = figures;
  sealed_figures_ = std::move(figures);
  ++configurations_;  // a commit that is under way tells nothing of these scopes
}

const store::Opened& Recorder::opened() const { return store_->opened(); }

StoreState Recorder::state() const {
  StoreState state = state_;
  state.waiting_readings = waiting_readings_;
  return state;
}

awaitable<void> Recorder::run_sealing() {
  for (;;) {
    // Accounting has a beat of its own: with a commit each minute, figures are still of the last second.
    const auto interval = interval_;
    const auto beat = std::min<std::chrono::microseconds>(interval, std::chrono::seconds(1));
    const auto start = std::chrono::steady_clock::now();
    Schedule sealing(beat, seal_offset % beat, Pace::steady, start);
    Schedule committing(interval, seal_offset % interval, Pace::steady, start);
    while (interval == interval_) {  // until another one is configured
      co_await sleep_until(sealing.due());
      seal();
      const auto time = std::chrono::steady_clock::now();
      if (committing.due() <= time) {
        committing.advance(time);
        if (has_work()) commit_due_.notify();
      }
      sealing.advance(time);
    }
  }
}

bool Recorder::has_work() const {
  const auto has_unsaved = [](const Delivery* delivery) { return delivery->record().has_unsaved(); };
  return !waiting_.empty() || std::ranges::any_of(deliveries_, has_unsaved);
}

void Recorder::seal() {
  const Moment moment = now();
  if (intake_.update_status(moment)) {
    const auto status = intake_.status();
    for (Delivery* delivery : deliveries_) delivery->exporter().set_status(status);
  }
  std::vector<ReadingSet> batch = intake_.take_batch(moment);
  std::vector<ReadingSet> windows = accounting_.advance(batch, moment);
  for (const std::string& name : intake_.take_gone(moment)) accounting_.forget(name);
  std::ranges::move(windows, std::back_inserter(batch));
  auto totals = accounting_.take_changed_totals();
  totals.merge(totals_);  // what is not yet saved stays, unless it is newer now
  totals_ = std::move(totals);
  sealed_figures_ = accounting_.figures(moment);
  contradiction_log_.follow(sealed_figures_);
  figure_log_.follow(sealed_figures_);
  waiting_readings_ += known_readings(batch);
  std::ranges::move(batch, std::back_inserter(waiting_));
  discard_overflow();
  heartbeat_.beat(std::chrono::steady_clock::now());
}

void Recorder::keep(const Totals& totals) {
  for (const auto& [name, value] : totals) totals_[name] = value;
}

void Recorder::discard_overflow() {
  std::size_t discarded_sets = 0, discarded = 0;
  while (waiting_readings_ - discarded > max_waiting_readings && discarded_sets < waiting_.size())
    discarded += waiting_[discarded_sets++].known_count();
  if (discarded_sets == 0) return;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(discarded_sets));
  waiting_readings_ -= discarded;
  state_.discarded_readings += discarded;
}

awaitable<void> Recorder::run_storing() {
  for (;;) {
    // More than one transaction holds: after an outage, go on at once.
    if (waiting_.size() <= max_commit_sets) co_await commit_due_.wait();
    // Once cancelled nothing is offloaded any more: what a commit has taken by then would be lost.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
    store::Commit commit = next_commit(max_commit_sets);
    const auto write = [this, &commit] { return store_->commit(commit); };
    const std::vector<ScopeFigures> figures = sealed_figures_;
    const unsigned configuration = configurations_;
    const auto result = co_await offload(store_thread_, write);
    if (result) {
      committed(std::move(commit), *result);
      if (configuration == configurations_) stored_figures_ = figures;
    } else {
      failed(std::move(commit), result.error());
      co_await sleep_until(std::chrono::steady_clock::now() + std::chrono::seconds(1));
    }
  }
}

store::Commit Recorder::next_commit(std::size_t most_sets) {
  store::Commit commit;
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), most_sets));
  const auto end = waiting_.begin() + count;
  commit.sets.assign(std::make_move_iterator(waiting_.begin()), std::make_move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  commit.totals = std::exchange(totals_, {});
  for (Delivery* delivery : deliveries_)
    commit.exporters.emplace(delivery->exporter().name(), delivery->record().begin_commit());
  return commit;
}

void Recorder::committed(store::Commit commit, const store::Committed& result) {
  if (!state_.up) log::info("the store commits again");
  if (result.late) take_up(*result.late);
  log_aside(result);
  log_put_back(result);
  snapshot_watch_.follow(result);
  log_unreadable(result.unreadable);
  const std::size_t readings = known_readings(commit.sets);
  waiting_readings_ -= readings;
  state_.up = true;
  state_.fault.clear();
  state_.readings = result.total_readings;
  state_.size_bytes = result.size_bytes;
  state_.oldest_wall_us = result.oldest_wall_us;

  auto stored = std::make_shared<std::vector<StoredSet>>();
  stored->reserve(commit.sets.size());
  std::uint64_t seq = result.first_seq;
  for (ReadingSet& set : commit.sets) stored->push_back({seq++, std::move(set)});
  const StoredBatch batch = std::move(stored);
  for (Delivery* delivery : deliveries_) {
    const std::string& name = delivery->exporter().name();
    const auto dropped = result.dropped.find(name);
    const auto held = result.held.find(name);
    delivery->end_commit(readings, result.removed, dropped == result.dropped.end() ? 0 : dropped->second,
                         held == result.held.end() ? nullptr : &held->second);
    if (!batch->empty()) delivery->offer(batch);
  }
}

/// The store was opened later than the agent began. Where nothing could be read of it until now, accounting and
/// deliveries begin again, as after a restart.
void Recorder::take_up(const store::Opened& late) {
  log_opened(late);
  if (!late.is_unknown) return;
  accounting_ = accounting::Accounting(accounting_settings_, late.totals, now());
  totals_.clear();
  stored_figures_ = sealed_figures_ = accounting_.figures(now());
  ++configurations_;
  for (Delivery* delivery : deliveries_) {
    const auto found = late.exporters.find(delivery->exporter().name());
    if (found == late.exporters.end()) continue;
    delivery->record() = DeliveryRecord(found->second, late.backlog.at(found->first));
    (void)delivery->record().begin_commit();  // the one that has just ended
  }
}

void Recorder::failed(store::Commit commit, const Fault& fault) {
  if (state_.up) log::error("the store cannot commit; readings wait in memory", {{"reason", fault.message}});
  state_.up = false;
  state_.fault = fault.message;
  // Back to the front of the queue; what was sealed meanwhile comes after it, and its totals are newer.
  waiting_.insert(waiting_.begin(), std::make_move_iterator(commit.sets.begin()),
                  std::make_move_iterator(commit.sets.end()));
  totals_.merge(std::move(commit.totals));
  for (Delivery* delivery : deliveries_) delivery->abandon_commit();
}

void Recorder::commit_rest() {
  using Clock = std::chrono::steady_clock;
  seal();
  const auto deadline = Clock::now() + longest_farewell_commit;
  std::size_t most = max_commit_sets;
  do {
    store::Commit commit = next_commit(most);
    const std::size_t tried = commit.sets.size();
    const auto result = store_->commit(commit);
    if (result) {
      committed(std::move(commit), *result);
      continue;
    }
    failed(std::move(commit), result.error());
    if (Clock::now() >= deadline) {
      log::error("the last readings could not be stored, and are lost",
                 {{"readings", std::to_string(waiting_readings_)}, {"reason", result.error().message}});
      return;
    }
    // A full disk has room for a few sets where a write-ahead log lies already.
    if (tried > fewest_commit_sets)
      most = std::max(fewest_commit_sets, tried / 4);
    else
      std::this_thread::sleep_for(farewell_pause);
  } while (!waiting_.empty());
}

awaitable<Result<std::vector<StoredSet>>> Recorder::read(store::Span span, std::size_t max_sets) {
  const auto work = [this, span, max_sets] { return store_->read(span, max_sets); };
  co_return co_await offload(store_thread_, work);
}

awaitable<Result<std::map<std::string, store::ExporterRecord>>> Recorder::set_exporters(
    std::vector<std::string> names) {
  const auto work = [this, &names] { return store_->set_exporters(names); };
  co_return co_await offload(store_thread_, work);
}

awaitable<void> Recorder::set_store_limits(StoreConfig limits) {
  const auto work = [this, &limits] {
    store_->set_limits(limits.max_size_bytes, limits.max_age);
    return Done{};
  };
  co_await offload(store_thread_, work);
}

}  // namespace flopwatt::daemon
