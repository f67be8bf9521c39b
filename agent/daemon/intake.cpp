#include "agent/daemon/intake.h"

#include <algorithm>
#include <utility>

#include "runtime/clock.h"
#include "runtime/log.h"

namespace flopwatt::daemon {
namespace {

bool is_stale(const SourcePtr& source, const std::shared_ptr<const ReadingSet>& newest, Moment now) {
  if (!newest) return true;
  return now.monotonic_us - newest->time.monotonic_us > source->stale_after().count();
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds) {
  state_.counts.resize(bounds.size() + 1);
  state_.bounds = std::move(bounds);
}

void Histogram::observe(std::chrono::microseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bound = std::ranges::lower_bound(state_.bounds, seconds);
  ++state_.counts[static_cast<std::size_t>(bound - state_.bounds.begin())];
  state_.sum += seconds;
}

ReadingIntake::ReadingIntake(std::vector<ScopeConfig> scopes)
    : work_columns_(std::move(scopes)),
      duration_({0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}),
      lateness_({0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1}) {}

SourceId ReadingIntake::add(SourcePtr source) {
  const auto id = static_cast<SourceId>(entries_.size());
  set_source(entries_.emplace_back(), work_columns_.describe(id, source));
  return id;
}

void ReadingIntake::describe(SourceId id, SourcePtr source) {
  set_source(entries_.at(id), work_columns_.describe(id, source));
}

void ReadingIntake::set_source(Entry& entry, SourcePtr source) {
  entry.source = source;
  entry.status.source = std::move(source);
  status_changed_ = true;
}

void ReadingIntake::remove(SourceId id) {
  work_columns_.remove(id);
  leaving_.push_back({std::move(entries_.at(id).source), std::move(entries_.at(id).newest)});
  entries_.at(id) = Entry{};
  entries_.at(id).removed = true;
  status_changed_ = true;
}

void ReadingIntake::count_poll(Entry& entry, std::chrono::microseconds lateness,
                               std::chrono::microseconds duration) {
  ++entry.polls;
  lateness_.observe(lateness);
  duration_.observe(duration);
}

void ReadingIntake::accept(SourceId id, ReadingSet set, std::chrono::microseconds lateness,
                           std::chrono::microseconds duration) {
  Entry& entry = entries_.at(id);
  count_poll(entry, lateness, duration);
  entry.last_fault.clear();
  work_columns_.complete(id, set);
  if (set.source != entry.source) set_source(entry, set.source);  // work of another precision has come
  // The newest set is kept for the snapshot and travels in the batch too: two owners, so two copies.
  entry.newest = std::make_shared<const ReadingSet>(set);
  if (!entry.status.up || !entry.status.known) set_up(entry, true, set.time.wall_us);
  batch_.push_back(std::move(set));
}

void ReadingIntake::fail(SourceId id, Fault fault, std::chrono::microseconds lateness,
                         std::chrono::microseconds duration) {
  Entry& entry = entries_.at(id);
  count_poll(entry, lateness, duration);
  entry.failures.add(fault.fault_class);
  if (entry.last_fault.empty())
    log::warn("poll failed", {{"source", entry.source->name},
                              {"fault", std::string(name_of(fault.fault_class))},
                              {"reason", fault.message}});
  if (!entry.status.up && entry.status.fault != fault.fault_class) status_changed_ = true;
  entry.status.fault = fault.fault_class;
  if (!entry.status.known) set_up(entry, false, now().wall_us);
  entry.last_fault = std::move(fault.message);
}

void ReadingIntake::skip(SourceId id, std::uint64_t beats) { entries_.at(id).skipped += beats; }

void ReadingIntake::set_up(Entry& entry, bool up, std::int64_t wall_us) {
  if (entry.status.known)
    log::info(up ? "source is up" : "source is stale: no good reading", {{"source", entry.source->name}});
  entry.status.known = true;
  entry.status.up = up;
  entry.status.since_wall_us = wall_us;
  status_changed_ = true;
}

std::vector<ReadingSet> ReadingIntake::take_batch(Moment now) {
  work_columns_.append_scope_sets(now, batch_);
  std::vector<ReadingSet> batch;
  batch.reserve(batch_.size());  // the next batch will be about as large
  batch.swap(batch_);
  return batch;
}

std::vector<std::string> ReadingIntake::take_gone(Moment now) {
  std::vector<std::string> gone;
  std::erase_if(leaving_, [&](const Leaving& one) {
    if (!is_stale(one.source, one.newest, now)) return false;
    const std::string& name = one.source->name;
    const auto is_back = [&](const Entry& entry) { return !entry.removed && entry.source->name == name; };
    if (std::ranges::none_of(entries_, is_back)) gone.push_back(name);
    return true;
  });
  return gone;
}

bool ReadingIntake::update_status(Moment now) {
  for (Entry& entry : entries_)
    if (entry.status.up && is_stale(entry.source, entry.newest, now)) set_up(entry, false, now.wall_us);
  return std::exchange(status_changed_, false);
}

std::vector<SourceStatus> ReadingIntake::status() const {
  std::vector<SourceStatus> all;
  all.reserve(entries_.size());
  for (const Entry& entry : entries_)
    if (!entry.removed) all.push_back(entry.status);
  return all;
}

std::vector<SourceState> ReadingIntake::states(Moment now) const {
  std::vector<SourceState> all;
  all.reserve(entries_.size());
  for (SourceId id = 0; id < entries_.size(); ++id) {
    const Entry& entry = entries_[id];
    if (entry.removed) continue;
    all.push_back({entry.source, entry.newest, is_stale(entry.source, entry.newest, now), entry.polls,
                   entry.skipped, entry.failures, entry.last_fault, id});
  }
  return all;
}

bool ReadingIntake::all_polled() const {
  return std::ranges::all_of(entries_, [](const Entry& entry) { return entry.removed || entry.polls > 0; });
}

}  // namespace flopwatt::daemon
