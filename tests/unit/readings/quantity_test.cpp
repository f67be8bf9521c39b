#include "readings/quantity.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

using namespace flopwatt;

namespace {

std::string describe(const QuantityRow& row) {
  return std::to_string(static_cast<int>(row.source)) + "/" + std::string(row.name) + "/" +
         std::to_string(static_cast<int>(row.place));
}

constexpr std::array all_places = {
    Place::whole, Place::l1,           Place::l2,           Place::l3,           Place::n,
    Place::l1_l2, Place::l2_l3,        Place::l3_l1,        Place::hmma,         Place::imma,
    Place::dfma,  Place::fp64_pipe,    Place::fp32_pipe,    Place::fp16_pipe,    Place::fp64,
    Place::fp32,  Place::fp16,         Place::bf16,         Place::tf32,         Place::fp8,
    Place::int8,  Place::assumed_tf32, Place::assumed_fp16, Place::assumed_bf16, Place::assumed_fp8,
    Place::branch};

bool is_snake_case(std::string_view text) {
  return !text.empty() && !text.ends_with('_') && text.find("__") == text.npos &&
         std::ranges::all_of(
             text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

TEST_CASE("a quantity of one source at one kind of place has one row") {
  std::set<std::tuple<SourceKind, Quantity, PlaceKind>> rows;
  std::set<std::tuple<SourceKind, std::string_view, PlaceKind>> names;
  std::map<std::pair<SourceKind, std::string_view>, Quantity> quantity_of;
  for (const QuantityRow& row : quantity_table()) {
    CAPTURE(describe(row));
    CHECK(rows.insert({row.source, row.quantity, row.place}).second);
    CHECK(names.insert({row.source, row.name, row.place}).second);
    // One name, one quantity, and one unit wherever it is.
    CHECK(quantity_of.try_emplace({row.source, row.name}, row.quantity).first->second == row.quantity);
    CHECK(is_snake_case(row.name));
    CHECK_FALSE(row.help.empty());
    CHECK(row.help.ends_with('.'));
    CHECK(row.series_factor > 0);
  }
}

TEST_CASE("rows of one quantity hold one unit") {
  std::map<std::pair<SourceKind, Quantity>, std::string_view> units;
  for (const QuantityRow& row : quantity_table())
    CHECK(units.try_emplace({row.source, row.quantity}, row.unit).first->second == row.unit);
}

TEST_CASE("every series has one row, one label for its place, and a name as Prometheus wants it") {
  // base units, https://prometheus.io/docs/practices/naming/
  const std::map<std::string_view, std::vector<std::string_view>> suffixes = {
      {"W", {"_watts"}},
      {"VA", {"_voltamperes"}},
      {"var", {"_vars"}},
      {"V", {"_volts"}},
      {"A", {"_amperes"}},
      {"Hz", {"_hertz"}},
      {"Wh", {"_joules"}},
      {"J", {"_joules"}},
      {"B", {"_bytes"}},
      {"degC", {"_celsius"}},
      {"FLOP", {"_flop"}},
      {"FLOP/s", {"_flop_per_second"}},
      {"FLOP/J", {"_flop_per_joule"}},
      {"J/FLOP", {"_joules_per_flop", "_joules_per_flop_low", "_joules_per_flop_high"}},
      {"1", {"_ratio", "_power_factor"}}};
  std::set<std::string_view> series;
  for (const QuantityRow& row : quantity_table()) {
    if (row.series.empty()) {
      CHECK(row.place_label.empty());
      continue;
    }
    CAPTURE(row.series);
    CHECK(series.insert(row.series).second);
    CHECK(row.series.starts_with("flopwatt_"));
    CHECK(is_snake_case(row.series));
    std::string_view base = row.series;
    CHECK(base.ends_with("_total") == (row.kind == ValueKind::counter));
    if (base.ends_with("_total")) base.remove_suffix(6);
    REQUIRE(suffixes.contains(row.unit));
    CHECK(std::ranges::any_of(suffixes.at(row.unit),
                              [&](std::string_view end) { return base.ends_with(end); }));
    for (const char* reserved : {"_count", "_sum", "_bucket", "_info"})
      CHECK_FALSE(row.series.ends_with(reserved));
    CHECK(row.place_label.empty() == (row.place == PlaceKind::whole));
    CHECK(row.kind != ValueKind::method);
    // Held in Wh, published in joules; everything else is held in the unit of its series.
    CHECK(row.series_factor == (row.unit == "Wh" ? 3600.0 : 1.0));
  }
}

TEST_CASE("JSON keys of one source are unique, and cumulative ones end in _total") {
  // A branch's keys stand in an object of their own.
  std::set<std::tuple<SourceKind, bool, std::string>> keys;
  for (const QuantityRow& row : quantity_table()) {
    if (row.json_key.empty()) continue;
    for (const Place place : all_places) {
      if (kind_of(place) != row.place) continue;
      const std::string key = json_key(row, place);
      CAPTURE(key);
      CHECK(keys.insert({row.source, row.place == PlaceKind::branch, key}).second);
      CHECK(is_snake_case(key));
      CHECK(key.ends_with("_total") == (row.kind == ValueKind::counter));
    }
  }
  // Keys that messages add to the quantities.
  for (const auto& [source, of_branch, key] : keys)
    for (const char* taken : {"seq", "time", "start", "uuid", "branches"}) CHECK(key != taken);
}

TEST_CASE("keys as subscribers read them") {
  const auto key = [](SourceKind source, Channel channel) {
    const QuantityRow* row = find_row(source, channel);
    return row == nullptr ? "no row" : json_key(*row, channel.place);
  };
  constexpr auto meter = SourceKind::meter;
  constexpr auto accelerator = SourceKind::accelerator;
  CHECK(key(meter, {Quantity::active_power}) == "active_power_w");
  CHECK(key(meter, {Quantity::active_power, Place::l1}) == "active_power_l1_w");
  CHECK(key(meter, {Quantity::energy_import}) == "energy_import_wh_total");
  CHECK(key(meter, {Quantity::energy_export}) == "energy_export_wh_total");
  CHECK(key(meter, {Quantity::voltage, Place::l1}) == "voltage_l1_v");
  CHECK(key(meter, {Quantity::voltage, Place::l1_l2}) == "voltage_l1_l2_v");
  CHECK(key(meter, {Quantity::current, Place::n}) == "current_n_a");
  CHECK(key(meter, {Quantity::apparent_power}) == "apparent_power_va");
  CHECK(key(meter, {Quantity::reactive_power}) == "reactive_power_var");
  CHECK(key(meter, {Quantity::frequency}) == "frequency_hz");
  CHECK(key(accelerator, {Quantity::energy}) == "energy_j_total");
  CHECK(key(accelerator, {Quantity::memory_used}) == "memory_used_bytes");
  CHECK(key(accelerator, {Quantity::work}) == "flop_total");
  CHECK(key(accelerator, {Quantity::pipe_work, Place::bf16}).empty());
  CHECK(key(meter, {Quantity::voltage}) == "voltage_v");
  CHECK(key(meter, {Quantity::voltage, Place::branch, 1}) == "no row");
  CHECK(key(meter, {Quantity::work}) == "no row");
}

TEST_CASE("rows are found by channel and by name") {
  const QuantityRow* row = find_row(SourceKind::meter, Channel{Quantity::voltage, Place::l2_l3});
  REQUIRE(row != nullptr);
  CHECK(row->series == "flopwatt_meter_line_voltage_volts");
  CHECK(find_row(SourceKind::meter, "voltage", PlaceKind::lines) == row);
  CHECK(find_row(SourceKind::meter, "voltage", PlaceKind::branch) == nullptr);
  CHECK(find_row(SourceKind::meter, "utilization", PlaceKind::whole) == nullptr);
  CHECK(find_row(SourceKind::accelerator, "utilization", PlaceKind::whole) != nullptr);
  for (const QuantityRow& one : quantity_table()) CHECK(find_row(one.source, one.name, one.place) == &one);
}

TEST_CASE("labels lead back to their places") {
  std::set<std::pair<PlaceKind, std::string_view>> labels;
  for (const Place place : all_places) {
    CAPTURE(static_cast<int>(place));
    if (place == Place::branch) continue;  // its label is its number
    CHECK(labels.insert({kind_of(place), label_of(place)}).second);
    CHECK(find_place(kind_of(place), label_of(place)) == place);
  }
  CHECK(label_of(Place::l3_l1) == "L3-L1");
  CHECK(label_of(Place::assumed_bf16) == "assumed_bf16");
  CHECK(find_place(PlaceKind::phase, "L1-L2") == std::nullopt);
  CHECK(find_place(PlaceKind::pipe, "fp64") == Place::fp64_pipe);
  CHECK(find_place(PlaceKind::precision, "fp64") == Place::fp64);
}

TEST_CASE("methods have the names of the contract") {
  CHECK(name_of(Method::counted) == "counted");
  CHECK(name_of(Method::pipe) == "pipe");
  CHECK(name_of(Method::estimated) == "estimated");
}
