#include "agent/store/reader.h"

#include <optional>
#include <system_error>
#include <utility>

#include "agent/store/database.h"
#include "agent/store/reading_log.h"
#include "agent/store/salvage.h"
#include "agent/store/schema.h"
#include "agent/store/source_table.h"

namespace flopwatt::store {
namespace {

namespace fs = std::filesystem;

Fault cannot_read(const fs::path& path, const std::string& why) {
  return {FaultClass::device, "cannot read the store " + path.string() + ": " + why, 0};
}

bool has_log(const fs::path& path) {
  std::error_code error;
  return fs::exists(path.string() + "-wal", error);
}

std::optional<Fault> refusal(const fs::path& path, FileKind kind) {
  switch (kind) {
    case FileKind::ours:
      return std::nullopt;
    case FileKind::newer:
      return cannot_read(path,
                         "a newer flopwatt has written it, in a format that this one does not know; use "
                         "the newer one");
    case FileKind::empty:
      return cannot_read(path,
                         "it is empty; give the file that store.path of the agent's configuration names");
    case FileKind::foreign:
      break;
  }
  return cannot_read(path,
                     "it is a database of another program; give the file that store.path of the agent's "
                     "configuration names");
}

}  // namespace

class Reader::Impl {
 public:
  Impl(const fs::path& path, Access access, fs::file_time_type written)
      : access_(access), written_(written), database_(path, access), sources_(database_), log_(database_) {}

  [[nodiscard]] Result<Span> span();
  [[nodiscard]] Result<Chunk> next(Span& rest, const std::function<bool(const Row&)>& wanted);
  [[nodiscard]] Result<SourcePtr> source(std::int64_t id);
  [[nodiscard]] LeftOut left_out() const { return {sources_.unreadable(), broken_}; }

 private:
  void pass_broken_page(Span& rest);
  [[nodiscard]] bool has_changed() const;
  [[nodiscard]] std::optional<Fault> trouble() const;

  Access access_;
  fs::file_time_type written_;
  Database database_;
  SourceTable sources_;
  ReadingLog log_;
  std::vector<Span> broken_;
};

// Only of a frozen file: an agent that was started meanwhile makes a write-ahead log, and one that has ended
// again has written the file.
bool Reader::Impl::has_changed() const {
  std::error_code error;
  return access_ == Access::frozen &&
         (has_log(database_.path()) || fs::last_write_time(database_.path(), error) != written_ || error);
}

std::optional<Fault> Reader::Impl::trouble() const {
  if (has_changed()) return cannot_read(database_.path(), "an agent was started on it meanwhile; try again");
  if (!database_.ok()) return database_.failure("read").fault;
  return std::nullopt;
}

Result<Span> Reader::Impl::span() {
  const Span span = readable_span(database_, log_);
  if (auto fault = trouble()) return std::move(*fault);
  return span;
}

Result<Reader::Chunk> Reader::Impl::next(Span& rest, const std::function<bool(const Row&)>& wanted) {
  Chunk chunk;
  std::uint64_t seen = 0;
  const std::uint64_t begin = rest.first;
  log_.read(rest, chunk_rows, [&](const Row& row, std::span<const std::uint8_t> data) {
    ++seen;
    rest.first = row.seq + 1;
    if (!wanted(row)) return true;
    const StoredSource* source = sources_.find(row.source);
    if (source == nullptr) return database_.ok();
    if (auto set = decode(row, data, source->layout))
      chunk.items.push_back({row, std::move(*set)});
    else
      ++chunk.damaged;
    return true;
  });
  if (database_.found_damage() && !has_changed() && !rest.empty()) {
    pass_broken_page(rest);
    if (rest.first > begin) return chunk;
  }
  if (auto fault = trouble()) return std::move(*fault);
  if (seen < chunk_rows) rest = {};
  return chunk;
}

/// `rest` then begins with the first row behind the page, or is empty.
void Reader::Impl::pass_broken_page(Span& rest) {
  database_.clear_failure();
  const auto next = first_readable(database_, log_, rest);
  if (!database_.ok()) return;
  broken_.push_back({rest.first, next ? *next - 1 : rest.last});
  rest = next ? Span{*next, rest.last} : Span{};
}

Result<SourcePtr> Reader::Impl::source(std::int64_t id) {
  const StoredSource* source = sources_.find(id);
  if (source != nullptr) return source->layout.source;
  if (!database_.ok()) return database_.failure("read").fault;
  return SourcePtr();
}

Result<std::unique_ptr<Reader>> Reader::open(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found)
    return cannot_read(path,
                       "there is no such file; give the file that store.path of the agent's configuration "
                       "names");
  if (error) return cannot_read(path, error.message() + "; let this user read it and its directory");
  if (!fs::is_regular_file(status)) return cannot_read(path, "it is no file");
  const auto written = fs::last_write_time(path, error);
  const Access access = has_log(path) ? Access::read : Access::frozen;
  {
    // Before any statement about its tables is prepared.
    Database probe(path, access);
    const FileKind kind = kind_of_file(probe);
    if (!probe.ok()) return probe.failure("read").fault;
    if (auto fault = refusal(path, kind)) return std::move(*fault);
  }
  return std::unique_ptr<Reader>(new Reader(std::make_unique<Impl>(path, access, written)));
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::~Reader() = default;

Result<Span> Reader::span() { return impl_->span(); }
Result<Reader::Chunk> Reader::next(Span& rest, const std::function<bool(const Row&)>& wanted) {
  return impl_->next(rest, wanted);
}
Result<SourcePtr> Reader::source(std::int64_t id) { return impl_->source(id); }
Reader::LeftOut Reader::left_out() const { return impl_->left_out(); }

}  // namespace flopwatt::store
