#include "runtime/reading_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include "runtime/number_text.h"

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

using Rank = std::tuple<std::ptrdiff_t, const QuantityRow*, Place>;

Rank rank_of(SourceKind kind, const QuantityRow& row, Place place) {
  const auto order = order_of(kind);
  return {std::ranges::find(order, Order{row.quantity, row.place}) - order.begin(), &row, place};
}

}  // namespace

JsonLayout::JsonLayout(SourcePtr source) : source_(std::move(source)) {
  if (source_->kind == SourceKind::accelerator && !source_->identity.uuid.empty()) {
    identity_ = R"(,"uuid":)";
    append_json_string(identity_, source_->identity.uuid);
  }
  std::vector<std::pair<Rank, Key>> ranked;
  for (std::size_t i = 0; i < source_->fields.size(); ++i) {
    const Channel channel = source_->fields[i].channel;
    const QuantityRow* row = find_row(source_->kind, channel);
    if (row == nullptr || row->json_key.empty()) continue;
    Form form = Form::number;
    if (row->kind == ValueKind::method) form = Form::method;
    if (row->unit == "FLOP") form = Form::with_exponent;
    ranked.emplace_back(rank_of(source_->kind, *row, channel.place),
                        Key{i, form, ",\"" + json_key(*row, channel.place) + "\":"});
  }
  std::ranges::sort(ranked, {}, &std::pair<Rank, Key>::first);
  for (auto& [rank, key] : ranked) keys_.push_back(std::move(key));
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
  for (const Key& key : keys_) {
    const double value = set.values[key.index];
    if (!std::isfinite(value)) continue;
    if (key.form == Form::method && value == static_cast<double>(Method::none)) continue;
    out += key.text;
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
  out += '}';
}

}  // namespace flopwatt
