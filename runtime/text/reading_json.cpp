#include "runtime/text/reading_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

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
});

std::span<const Order> order_of(SourceKind kind) {
  if (kind == SourceKind::meter) return meter_order;
  if (kind == SourceKind::accelerator) return accelerator_order;
  return {};  // windows: as in the table
}

// Branches come last, by their number.
using Rank = std::tuple<std::uint16_t, std::ptrdiff_t, const QuantityRow*, Place>;

Rank rank_of(SourceKind kind, const QuantityRow& row, Channel channel) {
  const auto order = order_of(kind);
  return {channel.branch, std::ranges::find(order, Order{row.quantity, row.place}) - order.begin(), &row,
          channel.place};
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
    if (row->unit == "FLOP") form = Form::with_exponent;
    ranked.push_back({rank_of(source_->kind, *row, channel),
                      Key{i, form, ",\"" + json_key(*row, channel.place) + "\":"}, channel});
  }
  std::ranges::sort(ranked, {}, &Ranked::rank);
  for (const Ranked& each : ranked) add(each.key, each.channel);
}

void JsonLayout::add(const Key& key, Channel channel) {
  if (channel.place != Place::branch) return keys_.push_back(key);
  const std::string text = '"' + std::to_string(channel.branch) + "\":{";
  if (branches_.empty() || branches_.back().text != text) branches_.push_back({text, {}});
  branches_.back().keys.push_back(key);
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
  append_branches(out, set);
  out += '}';
}

void JsonLayout::append_known(std::string& out, const std::vector<Key>& keys, const ReadingSet& set) {
  for (const Key& key : keys) {
    const double value = set.values[key.index];
    if (!std::isfinite(value)) continue;
    if (key.form == Form::method && value == static_cast<double>(Method::none)) continue;
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
    }
  }
}

void JsonLayout::append_branches(std::string& out, const ReadingSet& set) const {
  const std::size_t before = out.size();
  bool any = false;
  out += R"(,"branches":{)";
  for (const Branch& branch : branches_) {
    const std::size_t undone = out.size();
    if (any) out += ',';
    out += branch.text;
    const std::size_t empty = out.size();
    append_known(out, branch.keys, set);
    if (out.size() == empty) {
      out.resize(undone);
      continue;
    }
    out += '}';
    any = true;
  }
  if (any)
    out += '}';
  else
    out.resize(before);
}

}  // namespace flopwatt
