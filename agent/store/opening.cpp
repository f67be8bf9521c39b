// How a store begins: at the start of the agent, later where the disk did not let it, again after a failure, and in
// place of a damaged file.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/store/store_impl.h"
#include "runtime/clock.h"

namespace flopwatt::store {

Store::Impl::Impl(const Settings& settings, std::string boot_uuid)
    : settings_(settings),
      options_{settings.path,
               Limits::of(settings),
               std::move(boot_uuid),
               settings.first_seq,
               true,
               {},
               settings.node,
               {}},
      mark_(settings.path, options_.boot_uuid) {}

Store::Impl::~Impl() {
  if (!session_) return;  // what is in the file is unknown: the next start is not told that it ended in order
  session_.reset();
  mark_.stop();
}

Result<std::unique_ptr<Store::Impl>> Store::Impl::open(const Settings& settings) {
  auto boot_uuid = read_boot_uuid();
  if (!boot_uuid) return boot_uuid.error();
  std::unique_ptr<Impl> impl(new Impl(settings, std::move(*boot_uuid)));
  auto opened = impl->begin();
  if (!opened && !impl->may_heal(opened.error())) return opened.error();
  impl->opened = opened ? std::move(*opened) : impl->look_at_state(opened.error());
  return impl;
}

Result<Opened> Store::Impl::begin() {
  is_refused_ = true;
  if (auto done = refuse_other_files(options_.path); !done) return done.error();
  is_refused_ = false;
  if (!lock_) {
    auto lock = LockFile::take(options_.path);
    if (!lock) return lock.error();
    lock_.emplace(std::move(*lock));
  }
  auto begun = open_first();
  if (begun)
    is_begun_ = true;
  else
    session_.reset();
  return begun;
}

/// A full or failing disk, one that may only be read: the agent meters meanwhile. A file of others, a lock and
/// a path where nothing can be made need a person.
bool Store::Impl::may_heal(const Fault& fault) const {
  constexpr std::array disk_errors = {ENOSPC, EDQUOT, EROFS, EIO, EMFILE, ENFILE, ENOMEM};
  if (is_refused_) return false;
  if (!lock_) return std::ranges::find(disk_errors, fault.code) != disk_errors.end();
  return ::access(options_.path.c_str(), R_OK | W_OK) == 0 || errno != EACCES;
}

/// What can be read of the store although it cannot be written.
Opened Store::Impl::look_at_state(Fault down) {
  Opened looked;
  looked.down = std::move(down.message);
  const FoundSeqMark mark = find_seq_mark(options_.path);
  looked.next_seq = std::max<std::uint64_t>(1, options_.first_seq);
  if (mark.state) looked.next_seq = std::max(looked.next_seq, mark.state->reserved + 1);
  const auto log = AsideLog::open(options_.path);
  auto found = log ? log->salvage() : std::nullopt;
  looked.size_bytes = size_on_disk(options_.path);
  looked.is_unknown = looked.size_bytes > 0 && (!found || found->lacks_exporters || found->lacks_totals);
  if (looked.is_unknown) found.reset();
  if (found) {
    looked.next_seq = std::max(looked.next_seq, found->log.seqs.last + 1);
    looked.total_readings = found->log.total;
    looked.totals = std::move(found->totals);
  }
  for (const std::string& name : settings_.exporters) {
    Exporter exporter{{DeliveryMarks(looked.next_seq - 1), 0, 0}, looked.total_readings};
    if (found && found->exporters.contains(name)) exporter = found->exporters.at(name);
    const std::uint64_t done = exporter.registered + exporter.record.delivered + exporter.record.dropped;
    looked.backlog[name] = looked.total_readings - std::min(looked.total_readings, done);
    looked.exporters[name] = std::move(exporter.record);
  }
  return looked;
}

Result<Opened> Store::Impl::open_first() {
  const FoundSeqMark mark = find_seq_mark(options_.path);
  // Of a new file, and of one in place of a damaged one, too.
  if (mark.state) options_.first_seq = std::max(options_.first_seq, mark.state->reserved + 1);
  options_.marked_seqs = seqs_of_this_file(mark, {1, inode_of(options_.path), options_.boot_uuid});
  if (auto done = open_replacing_damage(); !done) return done.error();
  state_ = session_->found();
  totals_ = session_->found_totals();
  collect_unreadable();
  if (auto done = take_over_aside(mark); !done) return done.error();
  if (auto done = continue_numbering(mark); !done) return done.error();
  auto forgotten = session_->owed_to_others(settings_.exporters, state_);
  if (auto done = session_->register_exporters(settings_.exporters, state_); !done) return take(done.error());
  options_.check_structure = false;
  Opened found = opened_state();
  found.forgotten = std::move(forgotten);
  return found;
}

Opened Store::Impl::opened_state() {
  Opened found;
  found.next_seq = state_.next_seq;
  found.total_readings = state_.total;
  found.size_bytes = size_on_disk(options_.path);
  found.oldest_wall_us = state_.oldest_wall_us;
  found.totals = totals_;
  for (const auto& [name, exporter] : state_.exporters) {
    found.exporters[name] = exporter.record;
    found.backlog[name] = session_->backlog(exporter, state_);
  }
  collect_unreadable();
  found.set_aside = std::exchange(set_aside_, {});
  found.aside = std::exchange(aside_state_, {});
  found.aside.is_read = state_.aside.has_value();
  found.seq_jump = std::exchange(seq_jump_, {});
  return found;
}

/// What can be read of a file that was set aside becomes the beginning of the new one. An agent that was killed
/// between the two left a file that the mark still belongs to.
Result<Done> Store::Impl::take_over_aside(const FoundSeqMark& mark) {
  if (set_aside_.empty() && !state_.has_rows() && !state_.aside && mark.state &&
      mark.state->inode != inode_of(options_.path)) {
    set_aside_ = find_set_aside(options_.path, mark.state->inode);
    if (!set_aside_.empty()) read_on(set_aside_);
  }
  has_moved_ = false;
  if (salvaged_) {
    if (moved_log_) aside_log_ = std::move(moved_log_);
    session_->read_aside_from(aside_log_.get());
    if (auto done = session_->adopt(*salvaged_, settings_.exporters, state_, totals_); !done)
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
      seq_jump_ = judge_seqs(mark, {state_.aside->seqs.last + 1, inode_of(set_aside_), options_.boot_uuid});
    if (auto done = session_->jump_to(next_after_jump(), state_); !done) return take(done.error());
  } else {
    seq_jump_ = judge_seqs(mark, {state_.next_seq, inode_of(options_.path), options_.boot_uuid,
                                  !session_->is_without_marks(), session_->is_new()});
  }
  if (set_aside_.empty() && !seq_jump_ && session_->unreadable_end() > 0)
    seq_jump_ = SeqJump{"the newest sets in the store are unreadable", std::nullopt};
  if (seq_jump_)
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
    is_refused_ = session.error().cause == Failure::Cause::refused;
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
    const ExporterRecord& record = exporter.second.record;
    return record.marks.low() < state_.last_seq || !record.held.empty();
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
  if (session_->is_new() && !has_moved_ && put_back_.lost.empty()) {
    put_back_.file = options_.path.string();
    put_back_.lost = "it is gone";  // since an error had closed it
  }
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

}  // namespace flopwatt::store
