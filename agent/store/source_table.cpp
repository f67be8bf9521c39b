#include "agent/store/source_table.h"

#include <bit>
#include <utility>

#include "agent/store/checksum.h"
#include "agent/store/source_description.h"

namespace flopwatt::store {
namespace {

/// The sources of some racks; a source gets a new description only when its identity changes.
constexpr std::size_t max_remembered = 10'000;

Bytes baseline_bytes(const std::string& description, const std::vector<double>& values) {
  Bytes bytes;
  for (const double value : values) put_word(bytes, std::bit_cast<std::uint64_t>(value), sizeof(value));
  put_word(bytes, Checksum().add(description).add(bytes).value(), Checksum::width);
  return bytes;
}

bool read_baseline(const std::string& description, std::span<const std::uint8_t> bytes, Layout& layout) {
  if (bytes.size() != layout.fields.size() * sizeof(double) + Checksum::width) return false;
  ByteReader reader(bytes);
  for (std::size_t i = 0; i < layout.fields.size(); ++i)
    layout.baseline.push_back(std::bit_cast<double>(reader.word(sizeof(double))));
  const auto crc = Checksum().add(description).add(bytes.first(bytes.size() - Checksum::width)).value();
  return reader.word(Checksum::width) == crc;
}

Layout layout_of(const SourcePtr& source) {
  Layout layout{source, {}, {}};
  for (const Field& field : source->fields)
    layout.fields.push_back({field.wire, field.scale, layout.fields.size()});
  return layout;
}

}  // namespace

SourceTable::SourceTable(Database& database)
    : database_(database),
      select_by_description_(database, "SELECT id FROM source WHERE description = ?1"),
      select_by_id_(database, "SELECT description, baseline FROM source WHERE id = ?1"),
      insert_(database, "INSERT INTO source(description, baseline) VALUES (?1, ?2) RETURNING id") {}

const StoredSource* SourceTable::find_or_add(const ReadingSet& set) {
  const auto known = by_address_.find(set.source.get());
  if (known != by_address_.end()) return known->second.second;
  std::string description = describe(*set.source);
  const StoredSource* stored = nullptr;
  // The text of a damaged row is taken, and the row stays as it is. Blanks behind the text say the same.
  for (int tries = 0; stored == nullptr && tries < 10 && database_.ok(); ++tries) {
    const auto id = id_of(description);
    if (database_.ok()) stored = id ? find(*id) : add(description, set);
    description += ' ';
  }
  if (stored != nullptr) by_address_.emplace(set.source.get(), std::pair{set.source, stored});
  return stored;
}

const StoredSource* SourceTable::find(std::int64_t id) {
  const auto known = by_id_.find(id);
  if (known != by_id_.end()) return known->second.get();
  select_by_id_.bind(1, id);
  if (!select_by_id_.step()) return database_.ok() ? leave_out(id, "is missing") : nullptr;
  const std::string description = select_by_id_.text(0);
  auto layout = parse_description(description);
  const bool complete = layout && read_baseline(description, select_by_id_.bytes(1), *layout);
  select_by_id_.reset();
  if (!complete)
    return leave_out(id, "is unreadable: " + (layout ? "its checksum is wrong" : layout.error()));
  return remember({id, std::move(*layout)});
}

const StoredSource* SourceTable::leave_out(std::int64_t id, const std::string& why) {
  if (by_id_.size() < max_remembered) by_id_.emplace(id, nullptr);
  if (unreadable_.size() < max_remembered)
    unreadable_.emplace(id, "the description of source " + std::to_string(id) + " " + why);
  return nullptr;
}

void SourceTable::forget() {
  by_address_.clear();
  by_id_.clear();
}

void SourceTable::forget_if_many() {
  if (by_id_.size() > max_remembered || by_address_.size() > max_remembered) forget();
}

const StoredSource* SourceTable::remember(StoredSource stored) {
  const std::int64_t id = stored.id;
  return by_id_.insert_or_assign(id, std::make_unique<const StoredSource>(std::move(stored)))
      .first->second.get();
}

std::optional<std::int64_t> SourceTable::id_of(const std::string& description) {
  select_by_description_.bind(1, std::string_view(description));
  if (!select_by_description_.step()) return std::nullopt;
  const std::int64_t id = select_by_description_.integer(0);
  select_by_description_.reset();
  return id;
}

const StoredSource* SourceTable::add(const std::string& description, const ReadingSet& set) {
  const Bytes baseline = baseline_bytes(description, set.values);
  insert_.bind(1, std::string_view(description));
  insert_.bind(2, std::span<const std::uint8_t>(baseline));
  if (!insert_.step()) return nullptr;
  StoredSource stored{insert_.integer(0), layout_of(set.source)};
  insert_.run();
  stored.layout.baseline = set.values;
  return remember(std::move(stored));
}

}  // namespace flopwatt::store
