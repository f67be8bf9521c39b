#include "agent/store/store.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/store/aside.h"
#include "agent/store/files.h"
#include "agent/store/seq_mark.h"
#include "agent/store/session.h"
#include "runtime/clock.h"

namespace flopwatt::store {

/// Holds what was last acknowledged, and opens sessions that agree with it.
class Store::Impl {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Impl>> open(const Settings& settings);

  ~Impl();

  [[nodiscard]] Result<Committed> commit(const Commit& commit);
  [[nodiscard]] Result<std::vector<StoredSet>> read(Span span, std::size_t max_sets);
  [[nodiscard]] Result<std::vector<StoredSet>> read_before(std::uint64_t end, std::size_t max_sets);
  [[nodiscard]] Result<std::map<std::string, ExporterRecord>> set_exporters(
      const std::vector<std::string>& names);
  void set_limits(Limits limits);

  Opened opened;

 private:
  Impl(const Settings& settings, LockFile lock, std::string boot_uuid);

  [[nodiscard]] Result<Done> open_first(const Settings& settings);
  [[nodiscard]] Result<Done> continue_numbering(const FoundSeqMark& mark);
  [[nodiscard]] Result<Done> open_again(const Commit& commit);
  [[nodiscard]] Result<Done> open_replacing_damage();
  [[nodiscard]] Result<Done> move_damaged_file();
  void read_on(const std::string& path);
  [[nodiscard]] Result<Done> take_over_aside(const Settings& settings, const FoundSeqMark& mark);
  void prepare_aside();
  void remember(const Commit& commit, Committed& committed);
  [[nodiscard]] std::uint64_t next_after_jump() const;
  void collect_unreadable();
  [[nodiscard]] Fault closed_fault(const std::string& tried) const;
  Fault take(const Failure& failure);

  LockFile lock_;
  Session::OpenOptions options_;
  SeqMark mark_;
  std::unique_ptr<Session> session_;  ///< null: closed after a failure
  bool damaged_ = false;              ///< the file is to be set aside before the next session
  LogState state_;
  Totals totals_;
  Removal unreported_;                      ///< found missing when the file was opened again
  std::string set_aside_;                   ///< likewise
  std::vector<UnreadableSets> unreadable_;  ///< likewise
  AsideState aside_state_;                  ///< likewise
  std::unique_ptr<AsideLog> aside_log_;     ///< of state_.aside
  // Of set_aside_, until a session has taken it over.
  bool has_moved_ = false;
  std::unique_ptr<AsideLog> moved_log_;
  std::optional<Salvaged> salvaged_;
  std::optional<Aside> new_aside_;
};

Store::Impl::Impl(const Settings& settings, LockFile lock, std::string boot_uuid)
    : lock_(std::move(lock)),
      options_{settings.path, Limits::of(settings), std::move(boot_uuid), settings.first_seq, true, {}},
      mark_(settings.path, options_.boot_uuid) {}

Store::Impl::~Impl() {
  if (!session_) return;  // what is in the file is unknown: the next start is not told that it ended in order
  session_.reset();
  mark_.stop();
}

Result<std::unique_ptr<Store::Impl>> Store::Impl::open(const Settings& settings) {
  if (auto done = refuse_other_files(settings.path); !done) return done.error();
  auto lock = LockFile::take(settings.path);
  if (!lock) return lock.error();
  auto boot_uuid = read_boot_uuid();
  if (!boot_uuid) return boot_uuid.error();
  std::unique_ptr<Impl> impl(new Impl(settings, std::move(*lock), std::move(*boot_uuid)));
  if (auto done = impl->open_first(settings); !done) return done.error();
  return impl;
}

Result<Done> Store::Impl::open_first(const Settings& settings) {
  const FoundSeqMark mark = find_seq_mark(options_.path);
  // Of a new file, and of one in place of a damaged one, too.
  if (mark.state) options_.first_seq = std::max(options_.first_seq, mark.state->reserved + 1);
  if (auto done = open_replacing_damage(); !done) return done.error();
  options_.check_structure = false;
  state_ = session_->found();
  totals_ = session_->found_totals();
  collect_unreadable();
  if (auto done = take_over_aside(settings, mark); !done) return done.error();
  if (auto done = continue_numbering(mark); !done) return done.error();
  if (auto done = session_->register_exporters(settings.exporters, state_); !done) return take(done.error());

  opened.next_seq = state_.next_seq;
  opened.total_readings = state_.total;
  opened.size_bytes = size_on_disk(options_.path);
  opened.oldest_wall_us = state_.oldest_wall_us;
  opened.totals = totals_;
  for (const auto& [name, exporter] : state_.exporters) {
    opened.exporters[name] = exporter.record;
    opened.backlog[name] = session_->backlog(exporter, state_);
  }
  collect_unreadable();
  opened.set_aside = std::exchange(set_aside_, {});
  opened.aside = std::exchange(aside_state_, {});
  opened.aside.is_read = state_.aside.has_value();
  return Done{};
}

/// What can be read of a file that was set aside becomes the beginning of the new one. An agent that was killed
/// between the two left a file that the mark still belongs to.
Result<Done> Store::Impl::take_over_aside(const Settings& settings, const FoundSeqMark& mark) {
  if (set_aside_.empty() && !state_.has_rows() && !state_.aside && mark.state &&
      mark.state->inode != inode_of(options_.path)) {
    set_aside_ = find_set_aside(options_.path, mark.state->inode);
    if (!set_aside_.empty()) read_on(set_aside_);
  }
  has_moved_ = false;
  if (salvaged_) {
    aside_log_ = std::move(moved_log_);
    session_->read_aside_from(aside_log_.get());
    if (auto done = session_->adopt(*salvaged_, settings.exporters, state_, totals_); !done)
      return take(done.error());
    aside_state_.given_up = salvaged_->given_up;
    aside_state_.lacks_totals = salvaged_->lacks_totals;
    salvaged_.reset();
  } else if (state_.aside) {
    aside_log_ = AsideLog::open(state_.aside->path);
    session_->read_aside_from(aside_log_.get());
    if (aside_log_) return Done{};
    aside_state_.given_up = state_.aside->path;
    if (auto done = session_->give_up_aside(state_); !done) return take(done.error());
  } else {
    aside_state_.lacks_totals = !set_aside_.empty();
  }
  return Done{};
}

void Store::Impl::read_on(const std::string& path) {
  moved_log_ = AsideLog::open(path);
  salvaged_ = moved_log_ ? moved_log_->salvage() : std::nullopt;
  if (salvaged_) options_.first_seq = std::max(options_.first_seq, salvaged_->log.seqs.last + 1);
}

Result<Done> Store::Impl::continue_numbering(const FoundSeqMark& mark) {
  if (!set_aside_.empty()) {
    if (state_.aside)
      opened.seq_jump =
          judge_seqs(mark, {state_.aside->seqs.last + 1, inode_of(set_aside_), options_.boot_uuid});
    if (auto done = session_->jump_to(next_after_jump(), state_); !done) return take(done.error());
  } else {
    opened.seq_jump = judge_seqs(mark, {state_.next_seq, inode_of(options_.path), options_.boot_uuid,
                                        !session_->is_without_marks(), session_->is_new()});
  }
  if (set_aside_.empty() && !opened.seq_jump && session_->unreadable_end() > 0)
    opened.seq_jump = SeqJump{"the newest sets in the store are unreadable", std::nullopt};
  if (opened.seq_jump)
    if (auto done = session_->jump_to(next_after_jump(), state_); !done) return take(done.error());
  if (auto done = mark_.begin(state_.next_seq, mark); !done) return take(done.error());
  return Done{};
}

/// Above every seq that may have been given out. A row whose seq is far above those before it is damaged there,
/// too.
std::uint64_t Store::Impl::next_after_jump() const {
  constexpr std::uint64_t believable = std::uint64_t{1} << 32;
  const std::uint64_t end = session_->unreadable_end();
  const std::uint64_t above = end > state_.next_seq && end - state_.next_seq < believable ? end + 1 : 0;
  return std::max({state_.next_seq, options_.first_seq, above});
}

void Store::Impl::collect_unreadable() {
  for (UnreadableSets& sets : session_->take_unreadable()) {
    state_.has_unreadable = true;
    unreadable_.push_back(std::move(sets));
  }
}

Result<Done> Store::Impl::open_replacing_damage() {
  if (!damaged_) {
    options_.marked_schema = marked_schema(options_.path);
    auto session = Session::open(options_);
    if (session) {
      session_ = std::move(*session);
      return Done{};
    }
    if (session.error().cause != Failure::Cause::damaged) return session.error().fault;
    damaged_ = true;
  }
  if (auto done = move_damaged_file(); !done) return done.error();
  auto session = Session::open(options_);
  if (!session) return session.error().fault;
  session_ = std::move(*session);
  return Done{};
}

Result<Done> Store::Impl::move_damaged_file() {
  auto moved = set_aside(options_.path);
  if (!moved) return moved.error();
  set_aside_ = std::move(*moved);
  damaged_ = false;
  has_moved_ = true;
  read_on(set_aside_);
  return Done{};
}

/// While the agent runs, what was acknowledged says what is in the file that was set aside.
void Store::Impl::prepare_aside() {
  if (!std::exchange(has_moved_, false)) return;
  if (state_.aside) aside_state_.given_up = state_.aside->path;
  const auto owes = [this](const auto& exporter) {
    return exporter.second.record.marks.low() < state_.last_seq;
  };
  const bool is_owed = state_.has_rows() && std::ranges::any_of(state_.exporters, owes);
  aside_log_ = salvaged_ && is_owed ? std::move(moved_log_) : nullptr;
  if (aside_log_)
    new_aside_ = Aside{set_aside_, {state_.first_seq, state_.last_seq}, state_.removed, state_.total};
  salvaged_.reset();
}

Result<Done> Store::Impl::open_again(const Commit& commit) {
  // Where the file turns out to be damaged or gone, the new one goes on behind every seq that was given out.
  options_.first_seq =
      std::max(state_.next_seq, static_cast<std::uint64_t>(std::max<std::int64_t>(0, now().wall_us)));
  if (auto done = open_replacing_damage(); !done) return done.error();
  if (session_->found().has_rows() && session_->found().next_seq < state_.next_seq) {
    // Acknowledged rows are missing: this is not the file that was written.
    session_.reset();
    damaged_ = true;
    if (auto done = open_replacing_damage(); !done) return done.error();
  }
  prepare_aside();
  session_->read_aside_from(aside_log_.get());
  auto removal = session_->continue_from(state_, totals_, commit, new_aside_);
  if (!removal) {
    Fault fault = take(removal.error());
    session_.reset();  // it does not agree with what was acknowledged: to be opened again in any case
    return fault;
  }
  aside_state_.is_read = new_aside_.has_value();
  new_aside_.reset();
  unreported_.merge(*removal);
  if (auto done = mark_.begin(state_.next_seq, {}); !done) return take(done.error());
  return Done{};
}

Result<Committed> Store::Impl::commit(const Commit& commit) {
  if (!session_)
    if (auto done = open_again(commit); !done) return done.error();
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
  committed.unreadable = std::exchange(unreadable_, {});
  if (!committed.aside_done.empty()) aside_log_.reset();
  for (const auto& [name, exporter] : state_.exporters)
    committed.backlog[name] = session_->backlog(exporter, state_);
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
