#include "agent/daemon/missing.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace flopwatt::daemon {
namespace {

constexpr std::string_view branches = "branches";

std::string key_text(const QuantityRow& row, Channel channel) {
  std::string key = json_key(row, channel.place);
  if (channel.place != Place::branch) return key;
  return std::string(branches) + '.' + std::to_string(channel.branch) + '.' + key;
}

bool is_told(const ReadingSet& reading, Channel channel) {
  const auto& fields = reading.source->fields;
  const auto field = std::ranges::find(fields, channel, &Field::channel);
  return field != fields.end() &&
         is_known(reading.values.at(static_cast<std::size_t>(field - fields.begin())));
}

// What workloads or one method tell of work; the best of them is `work`.
bool is_one_method(Quantity quantity) {
  using enum Quantity;
  return quantity == counted_work || quantity == model_work || quantity == pipe_work ||
         quantity == estimated_work;
}

std::string unexplained(SourceKind kind) {
  return kind == SourceKind::accelerator ? "the device's library tells no value for this device"
                                         : "the device told no value";
}

}  // namespace

std::vector<Key> keys_of(SourceKind kind, std::span<const Field> fields) {
  std::vector<Key> keys;
  const auto add = [&keys](Channel channel, const QuantityRow* row) {
    if (row != nullptr && !row->json_key.empty()) keys.push_back({channel, row, key_text(*row, channel)});
  };
  if (kind == SourceKind::meter) {
    for (const Field& field : fields) add(field.channel, find_row(kind, field.channel));
    return keys;
  }
  for (const QuantityRow& row : quantity_table())
    if (row.source == kind && row.place == PlaceKind::whole && !is_one_method(row.quantity))
      add({.quantity = row.quantity}, &row);
  return keys;
}

std::vector<Missing> missing_of(const ReadingSet& reading, const WhyAbsent& why_absent) {
  const Source& source = *reading.source;
  std::vector<Missing> missing;
  for (const Key& key : keys_of(source.kind, source.fields)) {
    if (is_told(reading, key.channel)) continue;
    std::string reason = why_absent(key.channel);
    missing.push_back({key.text, reason.empty() ? unexplained(source.kind) : std::move(reason)});
  }
  return missing;
}

}  // namespace flopwatt::daemon
