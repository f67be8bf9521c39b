#include "agent/store/aside.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "agent/store/checksum.h"
#include "agent/store/reading_log.h"
#include "agent/store/salvage.h"
#include "agent/store/schema.h"
#include "agent/store/seq_mark.h"
#include "agent/store/source_table.h"
#include "agent/store/total_table.h"

namespace flopwatt::store {
namespace {

namespace fs = std::filesystem;

std::int64_t aside_checksum(const Aside& aside) {
  return Checksum()
      .add(aside.path)
      .add(aside.seqs.first)
      .add(aside.seqs.last)
      .add(aside.removed)
      .add(aside.total)
      .value();
}

/// A write-ahead log is read with it, and stays as it is: the file is opened for reading only.
Access access_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path.string() + "-wal", error);
  return !error && size > 0 ? Access::read : Access::frozen;
}

}  // namespace

void make_aside_table(Database& database) {
  database.run(
      "CREATE TABLE IF NOT EXISTS aside(path TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, "
      "removed INTEGER NOT NULL, total INTEGER NOT NULL, crc INTEGER NOT NULL) STRICT");
}

std::optional<Aside> load_aside(Database& database, bool& damaged) {
  Statement select(database, "SELECT path, first, last, removed, total, crc FROM aside");
  if (!select.step()) return std::nullopt;
  Aside aside{select.text(0), {select.natural(1), select.natural(2)}, select.natural(3), select.natural(4)};
  damaged = select.integer(5) != aside_checksum(aside) || aside.seqs.empty();
  select.reset();
  if (damaged) return std::nullopt;
  return aside;
}

void save_aside(Database& database, const Aside& aside) {
  forget_aside(database);
  Statement save(database,
                 "INSERT INTO aside(path, first, last, removed, total, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  save.bind(1, std::string_view(aside.path));
  save.bind(2, static_cast<std::int64_t>(aside.seqs.first));
  save.bind(3, static_cast<std::int64_t>(aside.seqs.last));
  save.bind(4, static_cast<std::int64_t>(aside.removed));
  save.bind(5, static_cast<std::int64_t>(aside.total));
  save.bind(6, aside_checksum(aside));
  save.run();
}

void forget_aside(Database& database) { database.run("DELETE FROM aside"); }

class AsideLog::Impl {
 public:
  explicit Impl(const fs::path& path)
      : database_(path, access_of(path)), sources_(database_), log_(database_) {}

  [[nodiscard]] bool is_open() const { return database_.ok(); }
  [[nodiscard]] std::optional<Salvaged> salvage();
  [[nodiscard]] Result<Done> read(Span span, std::size_t most, std::vector<StoredSet>& sets,
                                  const NoteUnreadable& note);
  [[nodiscard]] std::optional<std::uint64_t> total_through(std::uint64_t seq);

 private:
  [[nodiscard]] bool find_oldest(Aside& log);
  /// Whether all of a table was read. Takes the failure out of the database otherwise.
  [[nodiscard]] bool was_read();

  Database database_;
  SourceTable sources_;
  ReadingLog log_;
};

bool AsideLog::Impl::was_read() {
  const bool read = database_.ok();
  database_.clear_failure();
  return read;
}

std::optional<Salvaged> AsideLog::Impl::salvage() {
  Salvaged salvaged;
  Aside& log = salvaged.log;
  log.path = database_.path().string();
  const auto newest = newest_readable(database_, log_, readable_span(database_, log_).last);
  if (!newest || !find_oldest(log)) return std::nullopt;
  log.seqs.last = newest->row.seq;
  log.total = newest->row.total;

  std::size_t damaged = 0;
  salvaged.totals = TotalTable(database_).load(&damaged);
  salvaged.lacks_totals = !was_read() || damaged > 0;
  damaged = 0;
  salvaged.exporters = load_exporters(database_, &damaged);
  salvaged.lacks_exporters = !was_read() || damaged > 0;
  bool unknown = false;
  if (const auto older = load_aside(database_, unknown)) salvaged.given_up = older->path;
  (void)was_read();
  return salvaged;
}

bool AsideLog::Impl::find_oldest(Aside& log) {
  Span rest = readable_span(database_, log_);
  bool found = false;
  while (!found && !rest.empty()) {
    log_.read(rest, ~std::uint64_t{0}, [&](const Row& row, std::span<const std::uint8_t> data) {
      rest.first = row.seq + 1;
      const StoredSource* source = sources_.find(row.source);
      const auto set = source == nullptr ? std::nullopt : decode(row, data, source->layout);
      if (!set) return database_.ok();
      found = true;
      log.seqs.first = row.seq;
      log.removed = row.total - std::min<std::uint64_t>(row.total, set->known_count());
      return false;
    });
    if (found || !database_.found_damage() || rest.empty()) break;
    database_.clear_failure();
    const auto next = first_readable(database_, log_, rest);
    rest.first = next ? *next : rest.last + 1;
  }
  return found;
}

Result<Done> AsideLog::Impl::read(Span span, std::size_t most, std::vector<StoredSet>& sets,
                                  const NoteUnreadable& note) {
  const auto see = [&](const Row& row, std::span<const std::uint8_t> data) {
    span.first = row.seq + 1;
    const StoredSource* source = sources_.find(row.source);
    auto set = source == nullptr ? std::nullopt : decode(row, data, source->layout);
    if (set) {
      sets.push_back({row.seq, std::move(*set)});
    } else if (database_.ok()) {
      const auto known = sources_.unreadable().find(row.source);
      const bool is_source = source == nullptr && known != sources_.unreadable().end();
      note({{row.seq, row.seq}, 1, is_source ? known->second : wrong_checksum});
    }
    return database_.ok() && sets.size() < most;
  };
  while (!span.empty() && sets.size() < most) {
    log_.read(span, ~std::uint64_t{0}, see);
    if (database_.ok()) break;
    if (!database_.found_damage()) {
      Fault fault = database_.failure("read from").fault;
      database_.clear_failure();
      return fault;
    }
    if (span.empty()) break;
    database_.clear_failure();
    const auto next = first_readable(database_, log_, span);
    const std::uint64_t end = next ? *next - 1 : span.last;
    note({{span.first, end}, end - span.first + 1, "a page of the file is broken"});
    span.first = end + 1;
  }
  database_.clear_failure();
  return Done{};
}

std::optional<std::uint64_t> AsideLog::Impl::total_through(std::uint64_t seq) {
  const auto row = newest_readable(database_, log_, seq);
  database_.clear_failure();
  if (!row) return std::nullopt;
  return row->row.total;
}

std::unique_ptr<AsideLog> AsideLog::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return nullptr;
  auto impl = std::make_unique<Impl>(path);
  if (!impl->is_open()) return nullptr;
  return std::unique_ptr<AsideLog>(new AsideLog(std::move(impl)));
}

AsideLog::AsideLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AsideLog::~AsideLog() = default;

std::optional<Salvaged> AsideLog::salvage() { return impl_->salvage(); }
Result<Done> AsideLog::read(Span span, std::size_t most, std::vector<StoredSet>& sets,
                            const NoteUnreadable& note) {
  return impl_->read(span, most, sets, note);
}
std::optional<std::uint64_t> AsideLog::total_through(std::uint64_t seq) { return impl_->total_through(seq); }

std::string find_set_aside(const fs::path& store, std::uint64_t inode) {
  const std::string beginning = store.filename().string() + ".corrupt-";
  const fs::path folder = store.parent_path().empty() ? "." : store.parent_path();
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    if (entry->path().filename().string().starts_with(beginning) && inode_of(entry->path()) == inode)
      return entry->path().string();
  return "";
}

}  // namespace flopwatt::store
