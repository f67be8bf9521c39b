#include "runtime/text/reading_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "readings/missing_reason.h"
#include "runtime/text/number_text.h"

namespace flopwatt {
namespace {

struct Order {
  Quantity quantity;
  PlaceKind place;

  bool operator==(const Order&) const = default;
};

// The order of CONTRACT section 4. What is not named follows, in the order of the quantity table.
constexpr auto meter_order = std::to_array<Order>({
    {Quantity::active_power, PlaceKind::whole},
    {Quantity::energy_import, PlaceKind::whole},
    {Quantity::energy_export, PlaceKind::whole},
    {Quantity::voltage, PlaceKind::phase},
    {Quantity::voltage, PlaceKind::lines},
    {Quantity::current, PlaceKind::phase},
    {Quantity::active_power, PlaceKind::phase},
    {Quantity::apparent_power, PlaceKind::whole},
    {Quantity::reactive_power, PlaceKind::whole},
    {Quantity::power_factor, PlaceKind::whole},
    {Quantity::frequency, PlaceKind::whole},
    {Quantity::active_power, PlaceKind::branch},
    {Quantity::energy_import, PlaceKind::branch},
    {Quantity::current, PlaceKind::branch},
});
constexpr auto accelerator_order = std::to_array<Order>({
    {Quantity::power, PlaceKind::whole},
    {Quantity::energy, PlaceKind::whole},
    {Quantity::utilization, PlaceKind::whole},
    {Quantity::temperature, PlaceKind::whole},
    {Quantity::core_clock, PlaceKind::whole},
    {Quantity::memory_used, PlaceKind::whole},
    {Quantity::work, PlaceKind::whole},
    {Quantity::method, PlaceKind::whole},
    {Quantity::counted_work, PlaceKind::whole},
    {Quantity::pipe_work, PlaceKind::whole},
    {Quantity::model_work, PlaceKind::whole},
    {Quantity::estimated_work, PlaceKind::whole},
});

std::span<const Order> order_of(SourceKind kind) {
  if (kind == SourceKind::meter) return meter_order;
  if (kind == SourceKind::accelerator) return accelerator_order;
  return {};  // windows: as in the table
}

// Branches come last, by their number; then methods.
using Rank = std::tuple<std::uint16_t, Place, std::ptrdiff_t, const QuantityRow*, Place>;

Rank rank_of(SourceKind kind, const QuantityRow& row, Channel channel) {
  const auto order = order_of(kind);
  const Place method = row.place == PlaceKind::method ? channel.place : Place::whole;
  return {channel.branch, method, std::ranges::find(order, Order{row.quantity, row.place}) - order.begin(),
          &row, channel.place};
}

}  // namespace

JsonLayout::JsonLayout(SourcePtr source) : source_(std::move(source)) {
  if (source_->kind == SourceKind::accelerator && !source_->identity.uuid.empty()) {
    identity_ = R"(,"uuid":)";
    append_json_string(identity_, source_->identity.uuid);
  }
  struct Ranked {
    Rank rank;
    Key key;
    Channel channel;
  };
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < source_->fields.size(); ++i) {
    const Channel channel = source_->fields[i].channel;
    const QuantityRow* row = find_row(source_->kind, channel);
    if (row == nullptr || row->json_key.empty()) continue;
    Form form = Form::number;
    if (row->kind == ValueKind::method) form = Form::method;
    if (row->kind == ValueKind::reason) form = Form::reason;
    if (row->unit == "FLOP") form = Form::with_exponent;
    ranked.push_back({rank_of(source_->kind, *row, channel),
                      Key{i, form, ",\"" + json_key(*row, channel.place) + "\":"}, channel});
  }
  std::ranges::sort(ranked, {}, &Ranked::rank);
  for (const Ranked& each : ranked) add(each.key, each.channel);
}

void JsonLayout::add(const Key& key, Channel channel) {
  const bool is_method = kind_of(channel.place) == PlaceKind::method;
  if (channel.place != Place::branch && !is_method) return keys_.push_back(key);
  const std::string name = is_method ? std::string(label_of(channel.place)) : std::to_string(channel.branch);
  const std::string text = '"' + name + "\":{";
  std::vector<Part>& parts = is_method ? methods_ : branches_;
  if (parts.empty() || parts.back().text != text) parts.push_back({text, {}});
  parts.back().keys.push_back(key);
}

void JsonLayout::append(std::string& out, const ReadingSet& set, std::uint64_t seq) const {
  out += '{';
  if (seq != 0) {
    out += R"("seq":)";
    append_integer(out, seq);
    out += ',';
  }
  if (source_->kind == SourceKind::window) {
    out += R"("start":")";
    append_time(out, set.time.wall_us - source_->interval.count());
    out += "\",";
  }
  out += R"("time":")";
  append_time(out, set.time.wall_us);
  out += '"';
  out += identity_;
  append_known(out, keys_, set);
  append_parts(out, "branches", branches_, 1, set);
  append_parts(out, "methods", methods_, 2, set);
  out += '}';
}

void JsonLayout::append_known(std::string& out, const std::vector<Key>& keys, const ReadingSet& set) {
  for (const Key& key : keys)
    if (const double value = set.values[key.index]; std::isfinite(value)) append_key(out, key, value);
}

void JsonLayout::append_key(std::string& out, const Key& key, double value) {
  const bool is_name = key.form == Form::method || key.form == Form::reason;
  if (is_name && value == 0) return;  // of no method, for no reason
  // The first member of an object has no comma before it.
  out.append(key.text, out.back() == '{' ? 1 : 0);
  switch (key.form) {
    case Form::number:
      append_number(out, value);
      break;
    case Form::with_exponent:
      append_with_exponent(out, value);
      break;
    case Form::method:
      append_json_string(out, name_of(static_cast<Method>(value)));
      break;
    case Form::reason:
      out += R"({"joules_per_flop":)";
      append_json_string(out, name_of(static_cast<MissingReason>(value)));
      out += '}';
      break;
  }
}

/// Nothing where fewer than `fewest` of the parts have known values.
void JsonLayout::append_parts(std::string& out, std::string_view name, const std::vector<Part>& parts,
                              int fewest, const ReadingSet& set) {
  const std::size_t before = out.size();
  int count = 0;
  out += ",\"";
  out += name;
  out += "\":{";
  for (const Part& part : parts) {
    const std::size_t undone = out.size();
    if (count > 0) out += ',';
    out += part.text;
    const std::size_t empty = out.size();
    append_known(out, part.keys, set);
    if (out.size() == empty) {
      out.resize(undone);
      continue;
    }
    out += '}';
    ++count;
  }
  if (count >= fewest)
    out += '}';
  else
    out.resize(before);
}

}  // namespace flopwatt
