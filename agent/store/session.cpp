#include "agent/store/session.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "agent/store/files.h"
#include "agent/store/owner_table.h"
#include "agent/store/session_transaction.h"

namespace flopwatt::store {
namespace {

/// The structure of a file of some GiB is looked through in about a second; slow disks get this long.
constexpr double structure_check_seconds = 2.0;
constexpr std::uint64_t every_row = ~std::uint64_t{0};

/// A store of another node, and not one that was renamed: then the mark beside the file says the same as its rows.
std::optional<Failure> refuse_other_node(Database& database, const Session::OpenOptions& options) {
  const std::string owner = load_owner(database);
  if (owner.empty() || options.node.empty() || owner == options.node) return std::nullopt;
  const std::uint64_t newest = ReadingLog(database).newest_seq().value_or(0);
  if (options.marked_seqs && options.marked_seqs->first <= newest && newest <= options.marked_seqs->last)
    return std::nullopt;
  const std::string path = options.path.string();
  return Failure{
      Failure::Cause::refused,
      {FaultClass::device,
       "cannot open the store " + path + ": it is of the node " + owner + ", and this is " + options.node +
           "; if " + path +
           "-wal was copied here, move it away; if the store was, set another store.path or move it "
           "away with all files beside it; if the node was renamed, start once as " +
           owner,
       0}};
}

/// Whether only the header says that the file is another program's or of a newer version.
bool is_damaged_header(Database& database, FileKind kind, std::optional<std::int64_t> marked) {
  if (kind == FileKind::newer) return marked && *marked <= schema_version;
  return marked || has_store_tables(database);
}

Failure other_file(const std::filesystem::path& path, FileKind kind) {
  const std::string name = "cannot open the store " + path.string() + ": ";
  if (kind == FileKind::newer)
    return {Failure::Cause::refused,
            {FaultClass::device,
             name + "a newer flopwatt has written it, in a format that this one does not know; "
                    "run the newer one again, or move the file away to begin a new store",
             0}};
  return {Failure::Cause::refused,
          {FaultClass::device,
           name + "it is a database of another program; set another store.path, or move the file away", 0}};
}

}  // namespace

Session::Session(std::unique_ptr<Database> database, const OpenOptions& options)
    : limits_(options.limits),
      database_(std::move(database)),
      files_(options.path),
      sources_(*database_),
      boots_(*database_, options.boot_uuid),
      log_(*database_),
      totals_(*database_),
      page_count_(*database_, "PRAGMA page_count"),
      free_pages_(*database_, "PRAGMA freelist_count") {}

Result<std::unique_ptr<Session>, Failure> Session::open(const OpenOptions& options) {
  if (auto made = create_durably(options.path); !made) return Failure{Failure::Cause::broken, made.error()};
  auto database = std::make_unique<Database>(options.path);
  if (!has_sound_header(options.path)) database->fail_as_damaged("its header is damaged");
  const FileKind kind = kind_of_file(*database);
  if (database->ok() && (kind == FileKind::newer || kind == FileKind::foreign)) {
    if (!is_damaged_header(*database, kind, options.marked_schema)) return other_file(options.path, kind);
    database->fail_as_damaged("its header is damaged");
  }
  database->fail_if_read_only();
  const bool has_node = kind == FileKind::ours && has_owner_table(*database);
  if (has_node && database->ok())
    if (auto refused = refuse_other_node(*database, options)) {
      database->abandon();  // what was copied here must not be brought together with what was here
      return std::move(*refused);
    }
  set_pragmas(*database, kind, options.limits.wal_pages * page_size);
  if (kind == FileKind::empty) create_tables(*database, options.first_seq);
  const bool without_marks = kind == FileKind::ours && !has_hole_table(*database);
  // What a crash left in the WAL goes into the main file now, or the reason why it cannot comes out now.
  database->checkpoint();
  if (options.check_structure && kind == FileKind::ours && database->ok())
    check_structure(*database, structure_check_seconds);
  if (kind == FileKind::ours && database->ok()) take_over_older_version(*database);
  if (without_marks) make_hole_table(*database);
  make_aside_table(*database);
  save_owner(*database, options.node);

  std::unique_ptr<Session> session(new Session(std::move(database), options));
  session->is_new_ = kind == FileKind::empty;
  session->is_without_marks_ = without_marks;
  session->load_state();
  if (session->database_->ok()) return session;
  session->abandon();
  return session->database_->failure("open");
}

void Session::load_state() {
  {
    Statement beginning(*database_, "SELECT first_seq, first_total FROM beginning");
    if (!beginning.step()) {
      database_->fail_as_damaged("it does not say where it begins");
      return;
    }
    found_.first_seq = found_.next_seq = beginning.natural(0);
    found_.total = found_.removed = beginning.natural(1);
  }
  found_.aside = load_aside(*database_, found_.has_unreadable);
  found_.exporters = load_exporters(*database_);
  found_totals_ = totals_.load();
  if (!log_.newest_seq()) return;
  found_.holes = load_holes(*database_);
  load_newest();
  if (database_->ok()) load_oldest();
}

void Session::load_newest() {
  const std::uint64_t end = log_.newest_seq().value_or(0);
  const auto newest = log_.newest_whole(end);
  if (!newest) {
    database_->fail_as_damaged("no row of it is readable");
    return;
  }
  const Row& row = newest->row;
  found_.last_seq = row.seq;
  found_.next_seq = std::max(row.seq, found_.holes.end()) + 1;
  found_.total = row.total;
  found_.newest = Newest{row.wall_us, boots_.log_us(newest->time)};
  if (end == row.seq) return;
  unreadable_end_ = end;
  found_.has_unreadable = true;
  // What was in the rows behind it is not in its total, but exporters may have delivered of it.
  for (const auto& [name, exporter] : found_.exporters)
    found_.total = std::max(found_.total, exporter.registered + exporter.record.delivered +
                                              exporter.record.dropped + exporter.record.left_out);
}

void Session::load_oldest() {
  bool found = false;
  const Span rows{0, found_.last_seq};
  log_.read(rows, every_row, [&](const Row& row, std::span<const std::uint8_t> data) {
    const StoredSource* source = sources_.find(row.source);
    const auto set = source == nullptr ? std::nullopt : decode(row, data, source->layout);
    if (!set) {
      note_unreadable(row.seq, source == nullptr ? reason_of(row.source) : wrong_checksum);
      return database_->ok();
    }
    found = true;
    found_.first_seq = row.seq;
    found_.oldest_wall_us = row.wall_us;
    found_.removed = row.total - std::min<std::uint64_t>(row.total, set->known_count());
    return false;
  });
  found_.has_unreadable = found_.has_unreadable || !unreadable_.empty();
  if (!found) database_->fail_as_damaged("no row of it is readable");
}

void Session::begin_at(std::uint64_t seq, std::uint64_t total) {
  Statement begin(*database_, "UPDATE beginning SET first_seq = ?1, first_total = ?2");
  begin.bind(1, static_cast<std::int64_t>(seq));
  begin.bind(2, static_cast<std::int64_t>(total));
  begin.run();
}

Result<Done, Failure> Session::jump_to(std::uint64_t next_seq, LogState& state) {
  if (next_seq <= state.next_seq && unreadable_end_ == 0) return Done{};
  const Span hole{state.next_seq, next_seq - 1};
  {
    Transaction transaction(*this);
    log_.remove_from(state.next_seq);  // unreadable rows
    if (state.has_rows())
      save_hole(*database_, hole);
    else
      begin_at(next_seq, state.total);
    if (!transaction.commit()) return take_failure("leave out numbers in");
  }
  if (state.has_rows())
    state.holes.add(hole);
  else
    state.first_seq = next_seq;
  state.next_seq = next_seq;
  database_->checkpoint();
  if (!database_->ok()) return take_failure("bring the write-ahead log into");
  return Done{};
}

Result<Done, Failure> Session::register_exporters(const std::vector<std::string>& names, LogState& state) {
  Exporters exporters;
  for (const std::string& name : names) {
    const auto known = state.exporters.find(name);
    Exporter exporter = known != state.exporters.end()
                            ? known->second
                            : Exporter{{DeliveryMarks(state.next_seq - 1), 0, 0}, state.total};
    const Span before{exporter.record.marks.low() + 1, state.first_owed() - 1};
    exporter.record.marks.raise_low(state.first_owed() - 1);
    exporter.record.dropped += exporter.record.held.cut_through(state.first_owed() - 1);
    // Rows before the oldest that are not there were damaged, or are a hole, and then nothing was in them.
    if ((state.has_unreadable || !before.empty()) && settle(exporter, state) > 0 && !before.empty())
      unreadable_.push_back({before, 0, "rows are missing before the oldest one"});
    exporters.emplace(name, std::move(exporter));
  }
  if (exporters != state.exporters) {
    Transaction transaction(*this);
    for (const auto& [name, exporter] : state.exporters)
      if (!exporters.contains(name)) forget_exporter(*database_, name);
    save_exporters(state.exporters, exporters);
    if (!transaction.commit()) return take_failure("register exporters in");
  }
  state.exporters = std::move(exporters);
  return Done{};
}

Result<Committed, Failure> Session::commit(const Commit& commit, LogState& state) {
  sources_.forget_if_many();
  LogState next = state;
  Transaction transaction(*this);
  append(commit.sets, next);
  totals_.save(commit.totals);
  take_marks(commit.exporters, next);
  const auto passed = settle_all(next);
  const bool aside_is_done = finish_aside(next);
  Removal removal = apply_limits(commit.sets.size(), next);
  if (next.first_seq != state.first_seq || !state.has_rows()) read_oldest(next);
  save_exporters(state.exporters, next.exporters);
  if (!transaction.commit())
    return take_failure("commit " + std::to_string(commit.sets.size()) + " reading sets to");

  Committed committed;
  committed.first_seq = state.next_seq;
  if (aside_is_done) committed.aside_done = state.aside->path;
  state = std::move(next);
  committed.removed = removal.span;
  committed.dropped = std::move(removal.dropped);
  for (const auto& [name, readings] : passed) committed.dropped[name] += readings;
  committed.total_readings = state.total;
  committed.oldest_wall_us = state.oldest_wall_us;
  return committed;
}

void Session::append(const std::vector<ReadingSet>& sets, LogState& state) {
  for (const ReadingSet& set : sets) {
    const StoredSource* source = sources_.find_or_add(set);
    const std::int64_t boot = boots_.current(set.time, state.newest ? &*state.newest : nullptr);
    if (source == nullptr || boot == 0) return;
    state.total += set.known_count();
    const Row row{state.next_seq, set.time.wall_us, source->id, state.total};
    encode(row, set, boot, source->layout, buffer_);
    log_.append(row, buffer_);
    if (!database_->ok()) return;
    state.last_seq = state.next_seq++;
    const std::int64_t log_us = boots_.log_us({boot, set.time.monotonic_us});
    if (!state.newest || log_us > state.newest->log_us) state.newest = Newest{set.time.wall_us, log_us};
  }
}

void Session::take_marks(const std::map<std::string, ExporterRecord>& records, LogState& state) {
  for (const auto& [name, record] : records) {
    const auto exporter = state.exporters.find(name);
    if (exporter == state.exporters.end())
      throw std::invalid_argument("commit names an exporter that was not configured");
    exporter->second.record.marks = record.marks;
    exporter->second.record.marks.raise_low(state.first_owed() - 1);
    exporter->second.record.delivered = record.delivered;
    exporter->second.record.left_out = record.left_out;
    exporter->second.record.held = record.held;
  }
}

void Session::save_exporters(const Exporters& before, const Exporters& after) {
  for (const auto& [name, exporter] : after) {
    const auto saved = before.find(name);
    if (saved == before.end() || saved->second != exporter) save_exporter(*database_, name, exporter);
  }
}

void Session::read_oldest(LogState& state) {
  const Span rows{state.first_seq, state.next_seq - 1};
  log_.read(rows, every_row, [&](const Row& row, std::span<const std::uint8_t> data) {
    if (!is_whole(row, data)) return true;
    state.oldest_wall_us = row.wall_us;
    return false;
  });
}

Result<Done, Failure> Session::checkpoint_if_due() {
  if (static_cast<std::uint64_t>(database_->wal_pages()) < limits_.wal_pages) return Done{};
  database_->checkpoint();
  if (!database_->ok()) return take_failure("bring the write-ahead log into");
  return Done{};
}

std::uint64_t Session::bytes() {
  return static_cast<std::uint64_t>(database_->integer("PRAGMA page_count")) * page_size;
}

Result<Done, Failure> Session::copy_to(const std::filesystem::path& path) {
  database_->copy_to(path);
  if (database_->ok()) return Done{};
  Failure failure = take_failure("put back");
  if (failure.cause != Failure::Cause::damaged) failure.cause = Failure::Cause::passing;
  return failure;
}

Result<Done, Failure> Session::checkpoint_all() {
  database_->checkpoint_all();
  if (!database_->ok()) return take_failure("bring the write-ahead log into");
  return Done{};
}

Failure Session::take_failure(const std::string& tried) {
  Failure failure = database_->failure(tried);
  database_->clear_failure();
  return failure;
}

}  // namespace flopwatt::store
