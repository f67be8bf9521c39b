#include "agent/store/store.h"

#include <utility>

#include "agent/store/store_impl.h"

namespace flopwatt::store {

Result<Committed> Store::Impl::commit(const Commit& commit) {
  if (!is_begun_) return commit_late(commit);
  if (session_)
    if (auto done = put_back_lost_files(); !done) return done.error();
  if (!session_)
    if (auto done = open_again(commit); !done) return done.error();
  return commit_open(commit);
}

/// The first commit of an agent that began before its store could be opened.
Result<Committed> Store::Impl::commit_late(const Commit& commit) {
  auto late = begin();
  if (!late) return late.error();
  late->is_unknown = opened.is_unknown;
  Commit contents = commit;
  if (opened.is_unknown) {
    // They were made without what the file says, and would replace it.
    contents.totals.clear();
    contents.exporters.clear();
  }
  unreported_late_ = std::make_shared<const Opened>(std::move(*late));
  return commit_open(contents);
}

Result<Committed> Store::Impl::commit_open(const Commit& commit) {
  if (!commit.sets.empty())
    if (auto done = mark_.announce(state_.next_seq + commit.sets.size() - 1); !done)
      return take(done.error());
  auto committed = session_->commit(commit, state_);
  if (!committed) return take(committed.error());
  if (!commit.sets.empty()) mark_.confirm();
  remember(commit, *committed);
  // The commit is safe in the write-ahead log. What is wrong with the main file stops the next.
  if (auto done = session_->checkpoint_if_due(); !done) (void)take(done.error());
  committed->size_bytes = size_on_disk(options_.path);
  committed->log_bytes = session_ ? session_->log_bytes() : 0;
  committed->usual_log_bytes = options_.limits.wal_pages * page_size;
  return std::move(*committed);
}

void Store::Impl::remember(const Commit& commit, Committed& committed) {
  for (const auto& [name, value] : commit.totals) {
    if (is_known(value))
      totals_[name] = value;
    else
      totals_.erase(name);
  }
  Removal removal = std::exchange(unreported_, {});
  removal.merge({committed.removed, committed.dropped});
  committed.removed = removal.span;
  committed.dropped = std::move(removal.dropped);
  committed.set_aside = std::exchange(set_aside_, {});
  committed.aside = std::exchange(aside_state_, {});
  committed.late = std::exchange(unreported_late_, {});
  committed.unreadable = std::exchange(unreadable_, {});
  committed.put_back = std::exchange(put_back_, {});
  if (!committed.aside_done.empty()) aside_log_.reset();
  for (const auto& [name, exporter] : state_.exporters) {
    committed.backlog[name] = session_->backlog(exporter, state_);
    if (!committed.removed.empty()) committed.held[name] = exporter.record.held;
  }
}

Result<std::vector<StoredSet>> Store::Impl::read(Span span, std::size_t max_sets) {
  if (!session_) return closed_fault("read from");
  auto sets = session_->read(span, max_sets, state_);
  collect_unreadable();
  if (!sets) return take(sets.error());
  return std::move(*sets);
}

Result<std::vector<StoredSet>> Store::Impl::read_before(std::uint64_t end, std::size_t max_sets) {
  if (!session_) return closed_fault("read from");
  auto sets = session_->read_before(end, max_sets, state_);
  collect_unreadable();
  if (!sets) return take(sets.error());
  return std::move(*sets);
}

Result<std::map<std::string, ExporterRecord>> Store::Impl::set_exporters(
    const std::vector<std::string>& names) {
  if (!session_) return closed_fault("change the exporters of");
  if (auto done = session_->register_exporters(names, state_); !done) return take(done.error());
  std::map<std::string, ExporterRecord> records;
  for (const auto& [name, exporter] : state_.exporters) records[name] = exporter.record;
  return records;
}

void Store::Impl::set_limits(Limits limits) {
  options_.limits = limits;
  if (session_) session_->set_limits(limits);
}

Fault Store::Impl::closed_fault(const std::string& tried) const {
  return {FaultClass::device,
          "cannot " + tried + " the store " + options_.path.string() +
              ": it was closed after an error; the next commit opens it again",
          0};
}

Fault Store::Impl::take(const Failure& failure) {
  if (failure.cause != Failure::Cause::passing && session_) {
    session_->abandon();
    session_.reset();
  }
  if (failure.cause == Failure::Cause::damaged) damaged_ = true;
  return failure.fault;
}

Result<std::unique_ptr<Store>> Store::open(const Settings& settings) {
  auto impl = Impl::open(settings);
  if (!impl) return impl.error();
  return std::unique_ptr<Store>(new Store(std::move(*impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

const Opened& Store::opened() const { return impl_->opened; }
Result<Committed> Store::commit(const Commit& commit) { return impl_->commit(commit); }
Result<std::vector<StoredSet>> Store::read(Span span, std::size_t max_sets) {
  return impl_->read(span, max_sets);
}
Result<std::vector<StoredSet>> Store::read_before(std::uint64_t end, std::size_t max_sets) {
  return impl_->read_before(end, max_sets);
}
Result<std::map<std::string, ExporterRecord>> Store::set_exporters(const std::vector<std::string>& names) {
  return impl_->set_exporters(names);
}
void Store::set_limits(std::uint64_t max_size_bytes, std::chrono::microseconds max_age) {
  Settings settings;
  settings.max_size_bytes = max_size_bytes;
  settings.max_age = max_age;
  impl_->set_limits(Limits::of(settings));
}

}  // namespace flopwatt::store
