#include "readings/quantity.h"

#include <algorithm>
#include <array>

namespace flopwatt {
namespace {

using enum ValueKind;
using Q = Quantity;
using enum SourceKind;
using PlaceKind::whole, PlaceKind::phase, PlaceKind::lines, PlaceKind::pipe, PlaceKind::precision,
    PlaceKind::branch;

constexpr double joules_per_wh = 3600.0;
// `method` alone is the kind of a value.
constexpr PlaceKind by_method = PlaceKind::method;

// clang-format off: one row is one line
constexpr auto quantity_rows = std::to_array<QuantityRow>({
    {meter, Q::active_power, whole, "active_power", "W", gauge, "flopwatt_meter_power_watts", "", 1,
     "active_power*_w", "Active power that the meter measures; import is positive."},
    {meter, Q::apparent_power, whole, "apparent_power", "VA", gauge,
     "flopwatt_meter_apparent_power_voltamperes", "", 1, "apparent_power*_va",
     "Apparent power that the meter measures."},
    {meter, Q::reactive_power, whole, "reactive_power", "var", gauge, "flopwatt_meter_reactive_power_vars",
     "", 1, "reactive_power*_var", "Reactive power that the meter measures."},
    {meter, Q::power_factor, whole, "power_factor", "1", gauge, "flopwatt_meter_power_factor", "", 1,
     "power_factor", "Power factor that the meter reports."},
    {meter, Q::frequency, whole, "frequency", "Hz", gauge, "flopwatt_meter_frequency_hertz", "", 1,
     "frequency_hz", "Line frequency."},
    {meter, Q::voltage, whole, "voltage", "V", gauge, "flopwatt_meter_voltage_volts", "", 1, "voltage*_v",
     "Voltage of a meter without phases: direct current, an inlet, the output of a UPS."},
    {meter, Q::current, whole, "current", "A", gauge, "flopwatt_meter_current_amperes", "", 1, "current*_a",
     "Current of a meter without phases: direct current, an inlet, the output of a UPS."},
    {meter, Q::energy_import, whole, "energy_import", "Wh", counter, "flopwatt_meter_energy_joules_total", "",
     joules_per_wh, "energy_import_wh_total", "Imported energy, the meter's own register; it may reset."},
    {meter, Q::energy_export, whole, "energy_export", "Wh", counter,
     "flopwatt_meter_exported_energy_joules_total", "", joules_per_wh, "energy_export_wh_total",
     "Exported energy, the meter's own register; it may reset."},
    {meter, Q::active_power, phase, "active_power", "W", gauge, "flopwatt_meter_phase_power_watts", "phase",
     1, "active_power*_w", "Active power of one phase."},
    {meter, Q::voltage, phase, "voltage", "V", gauge, "flopwatt_meter_phase_voltage_volts", "phase", 1,
     "voltage*_v", "Voltage from one phase to neutral."},
    {meter, Q::current, phase, "current", "A", gauge, "flopwatt_meter_phase_current_amperes", "phase", 1,
     "current*_a", "Current of one phase, or of the neutral (N)."},
    {meter, Q::active_power, branch, "active_power", "W", gauge, "flopwatt_meter_branch_power_watts",
     "branch", 1, "active_power_w", "Active power of one outlet or branch circuit."},
    {meter, Q::current, branch, "current", "A", gauge, "flopwatt_meter_branch_current_amperes", "branch", 1,
     "current_a", "Current of one outlet or branch circuit."},
    {meter, Q::energy_import, branch, "energy_import", "Wh", counter,
     "flopwatt_meter_branch_energy_joules_total", "branch", joules_per_wh, "energy_import_wh_total",
     "Imported energy of one outlet or branch circuit, the meter's own register; it may reset."},
    {meter, Q::voltage, lines, "voltage", "V", gauge, "flopwatt_meter_line_voltage_volts", "lines", 1,
     "voltage*_v", "Voltage between two lines."},

    {accelerator, Q::power, whole, "power", "W", gauge, "flopwatt_accelerator_power_watts", "", 1, "power_w",
     "Power that the accelerator itself reports, for the board or module."},
    {accelerator, Q::power_limit, whole, "power_limit", "W", gauge, "flopwatt_accelerator_power_limit_watts",
     "", 1, "power_limit_w", "Power limit in force."},
    {accelerator, Q::energy, whole, "energy", "J", counter, "flopwatt_accelerator_energy_joules_total", "", 1,
     "energy_j_total",
     "Energy: the device's own counter, or integrated power; flopwatt_accelerator_info says which."},
    {accelerator, Q::utilization, whole, "utilization", "1", gauge, "flopwatt_accelerator_utilization_ratio",
     "", 1, "utilization", "Share of time in which at least one kernel ran; no measure of work."},
    {accelerator, Q::memory_used, whole, "memory_used", "B", gauge, "flopwatt_accelerator_memory_used_bytes",
     "", 1, "memory_used_bytes", "Device memory in use, including what the driver reserves."},
    {accelerator, Q::memory_total, whole, "memory_total", "B", gauge,
     "flopwatt_accelerator_memory_total_bytes", "", 1, "memory_total_bytes", "Total device memory."},
    {accelerator, Q::core_clock, whole, "core_clock", "Hz", gauge, "flopwatt_accelerator_core_clock_hertz",
     "", 1, "core_clock_hz", "Current clock of the compute units (the SM clock on NVIDIA)."},
    {accelerator, Q::temperature, whole, "temperature", "degC", gauge,
     "flopwatt_accelerator_temperature_celsius", "", 1, "temperature_c", "Temperature of the chip."},
    {accelerator, Q::pipe_active, pipe, "pipe_active", "1", gauge, "flopwatt_accelerator_pipe_active_ratio",
     "pipe", 1, "", "Share of cycles in which the pipe was active, over the last poll interval."},
    {accelerator, Q::counted_work, precision, "counted_work", "FLOP", counter, "flopwatt_counted_flop_total",
     "precision", 1, "", "Floating-point operations that workloads have counted and sent."},
    {accelerator, Q::model_work, precision, "model_work", "FLOP", counter, "flopwatt_model_flop_total",
     "precision", 1, "",
     "Floating-point operations that workloads say their algorithm needs; never added to what hardware did."},
    {accelerator, Q::pipe_work, precision, "pipe_work", "FLOP", counter, "flopwatt_pipe_flop_total",
     "precision", 1, "",
     "Floating-point operations by method pipe: pipe activity x rate of the pipe x measured clock. "
     "assumed_*: the precision is configured, not measured."},
    {accelerator, Q::estimated_work, precision, "estimated_work", "FLOP", counter,
     "flopwatt_estimated_flop_total", "precision", 1, "",
     "Floating-point operations by method estimated: utilization x dense peak rate; what could have been "
     "done in the busy time, not what was."},
    {accelerator, Q::peak_rate, precision, "peak_rate", "FLOP/s", gauge,
     "flopwatt_accelerator_peak_flop_per_second", "precision", 1, "",
     "Dense peak rate of the product, from its data sheet."},
    {accelerator, Q::counted_work, whole, "counted_work", "FLOP", counter, "", "", 1, "counted_flop_total",
     "FLOP that workloads have counted, of all precisions."},
    {accelerator, Q::counted_work_told, whole, "counted_work_told", "FLOP", counter, "", "", 1, "",
     "The part of it up to the moment that all senders have told; not published."},
    {accelerator, Q::counted_work_age, whole, "counted_work_age", "s", gauge, "", "", 1, "",
     "Time since that moment; not published."},
    {accelerator, Q::model_work, whole, "model_work", "FLOP", counter, "", "", 1, "model_flop_total",
     "FLOP that workloads say their algorithm needs, of all precisions."},
    {accelerator, Q::model_work_told, whole, "model_work_told", "FLOP", counter, "", "", 1, "",
     "The part of it up to the moment that all senders have told; not published."},
    {accelerator, Q::model_work_age, whole, "model_work_age", "s", gauge, "", "", 1, "",
     "Time since that moment; not published."},
    {accelerator, Q::pipe_work, whole, "pipe_work", "FLOP", counter, "", "", 1, "pipe_flop_total",
     "FLOP by method pipe, of all precisions."},
    {accelerator, Q::pipe_work_low, whole, "pipe_work_low", "FLOP", counter, "", "", 1, "",
     "The same at the lowest precision rate that the method leaves open; not published by itself."},
    {accelerator, Q::pipe_work_high, whole, "pipe_work_high", "FLOP", counter, "", "", 1, "",
     "The same at the highest precision rate that the method leaves open; not published by itself."},
    {accelerator, Q::pipe_work_spread, whole, "pipe_work_spread", "FLOP", counter, "", "", 1, "",
     "Half-width of the work from a clock that moved between samples; not published by itself."},
    {accelerator, Q::estimated_work, whole, "estimated_work", "FLOP", counter, "", "", 1,
     "estimated_flop_total", "FLOP by method estimated."},
    {accelerator, Q::estimated_work_low, whole, "estimated_work_low", "FLOP", counter, "", "", 1, "",
     "The same at the lowest peak rate among the precisions; not published by itself."},
    {accelerator, Q::estimated_work_high, whole, "estimated_work_high", "FLOP", counter, "", "", 1, "",
     "The same at the highest peak rate among the precisions; not published by itself."},
    {accelerator, Q::work, whole, "work", "FLOP", counter, "", "", 1, "flop_total",
     "Floating-point operations of all precisions by the method in `method`."},
    {accelerator, Q::method, whole, "method", "", ValueKind::method, "", "", 1, "method",
     "Method of flop_total: the best that the accelerator offers now."},

    {scope, Q::power, whole, "power", "W", gauge, "flopwatt_scope_power_watts", "", 1, "",
     "Power of all energy sources of the scope; absent while one is stale."},
    {scope, Q::unaccounted_power, whole, "unaccounted_power", "W", gauge,
     "flopwatt_scope_unaccounted_power_watts", "", 1, "",
     "Power of the scope's meters less that of its devices: hosts, fans, conversion losses."},
    {scope, Q::energy, whole, "energy", "J", counter, "flopwatt_scope_energy_joules_total", "", 1, "",
     "Energy of the scope; survives restarts, starts at 0 when the scope's lists change."},
    {scope, Q::device_energy, whole, "device_energy", "J", counter,
     "flopwatt_scope_device_energy_joules_total", "", 1, "",
     "Energy of the scope's devices by their own counters."},
    {scope, Q::work, by_method, "work", "FLOP", counter, "flopwatt_scope_flop_total", "method", 1, "",
     "Floating-point operations of the scope by one method; methods are never added to each other."},
    {scope, Q::covered_energy, by_method, "covered_energy", "J", counter,
     "flopwatt_scope_covered_energy_joules_total", "method", 1, "",
     "Energy of the time in which both energy and work by this method are known."},
    {scope, Q::covered_work, by_method, "covered_work", "FLOP", counter, "flopwatt_scope_covered_flop_total",
     "method", 1, "", "Work of the same time: covered energy over covered work is J/FLOP over any range."},

    {window, Q::power, whole, "power", "W", gauge, "", "", 1, "power_w",
     "Mean power over the known part of the window."},
    {window, Q::energy, whole, "energy", "J", gauge, "", "", 1, "energy_j",
     "Energy over the known part of the window."},
    {window, Q::work, whole, "work", "FLOP", gauge, "", "", 1, "flop",
     "Work over the known part of the window."},
    {window, Q::joules_per_flop, whole, "joules_per_flop", "J/FLOP", gauge, "", "", 1, "joules_per_flop",
     "Energy over work of the window, both over the same time."},
    {window, Q::joules_per_flop_low, whole, "joules_per_flop_low", "J/FLOP", gauge, "", "", 1,
     "joules_per_flop_low", "Lower bound over the precisions that the method leaves open."},
    {window, Q::joules_per_flop_high, whole, "joules_per_flop_high", "J/FLOP", gauge, "", "", 1,
     "joules_per_flop_high", "Upper bound over the precisions that the method leaves open."},
    {window, Q::flop_per_second_per_watt, whole, "flop_per_second_per_watt", "FLOP/J", gauge, "", "", 1,
     "flop_per_second_per_watt", "Work per energy over the window."},
    {window, Q::uncertainty, whole, "uncertainty", "1", gauge, "", "", 1, "uncertainty",
     "Expanded relative uncertainty (k=2) of joules_per_flop."},
    {window, Q::coverage, whole, "coverage", "1", gauge, "", "", 1, "coverage",
     "Share of the window in which the energy of all meters and the work of all accelerators is known."},
    {window, Q::method, whole, "method", "", ValueKind::method, "", "", 1, "method",
     "The best method of the window, of which the other values are."},
    {window, Q::missing, whole, "missing", "", reason, "", "", 1, "missing",
     "Why there is no joules_per_flop."},

    {window, Q::power, by_method, "power", "W", gauge, "", "", 1, "power_w",
     "Mean power over the time that this method covers."},
    {window, Q::energy, by_method, "energy", "J", gauge, "", "", 1, "energy_j",
     "Energy over the time that this method covers."},
    {window, Q::work, by_method, "work", "FLOP", gauge, "", "", 1, "flop", "Work by this method."},
    {window, Q::joules_per_flop, by_method, "joules_per_flop", "J/FLOP", gauge,
     "flopwatt_scope_joules_per_flop", "method", 1, "joules_per_flop",
     "Energy over work of the trailing window, both over the same time."},
    {window, Q::joules_per_flop_low, by_method, "joules_per_flop_low", "J/FLOP", gauge,
     "flopwatt_scope_joules_per_flop_low", "method", 1, "joules_per_flop_low",
     "Lower bound over the precisions that the method leaves open."},
    {window, Q::joules_per_flop_high, by_method, "joules_per_flop_high", "J/FLOP", gauge,
     "flopwatt_scope_joules_per_flop_high", "method", 1, "joules_per_flop_high",
     "Upper bound over the precisions that the method leaves open."},
    {window, Q::flop_per_second_per_watt, by_method, "flop_per_second_per_watt", "FLOP/J", gauge,
     "flopwatt_scope_flop_per_joule", "method", 1, "flop_per_second_per_watt",
     "Work over energy of the trailing window: the inverse of joules per FLOP."},
    {window, Q::uncertainty, by_method, "uncertainty", "1", gauge,
     "flopwatt_scope_joules_per_flop_uncertainty_ratio", "method", 1, "uncertainty",
     "Expanded relative uncertainty (k=2) of joules_per_flop."},
    {window, Q::coverage, by_method, "coverage", "1", gauge, "flopwatt_scope_coverage_ratio", "method", 1,
     "coverage",
     "Share of the window in which the energy of all meters and the work of all accelerators is known."},
    {window, Q::missing, by_method, "missing", "", reason, "", "", 1, "missing",
     "Why this method has no joules_per_flop."},
    {window, Q::interim_pue, whole, "interim_pue", "1", gauge, "flopwatt_scope_interim_pue_ratio", "", 1,
     "interim_pue",
     "Energy of the scope over energy of the scopes inside, over the window; absent below full coverage or "
     "below 1."},

    {work, Q::counted_work, precision, "counted_work", "FLOP", counter, "", "", 1, "",
     "Floating-point operations that workloads have counted for the scope, by precision; not published by "
     "itself."},
    {work, Q::counted_work, whole, "counted_work", "FLOP", counter, "", "", 1, "flop_total",
     "Floating-point operations that workloads have counted for the scope as a whole."},
    {work, Q::counted_work_told, whole, "counted_work_told", "FLOP", counter, "", "", 1, "",
     "The part of it up to the moment that all senders have told; not published."},
    {work, Q::counted_work_age, whole, "counted_work_age", "s", gauge, "", "", 1, "",
     "Time since that moment; not published."},
    {work, Q::model_work, precision, "model_work", "FLOP", counter, "", "", 1, "",
     "FLOP that workloads say their algorithm needs, by precision; not published by itself."},
    {work, Q::model_work, whole, "model_work", "FLOP", counter, "", "", 1, "model_flop_total",
     "FLOP that workloads say their algorithm needs, for the scope as a whole."},
    {work, Q::model_work_told, whole, "model_work_told", "FLOP", counter, "", "", 1, "",
     "The part of it up to the moment that all senders have told; not published."},
    {work, Q::model_work_age, whole, "model_work_age", "s", gauge, "", "", 1, "",
     "Time since that moment; not published."},
});
// clang-format on

struct PlaceName {
  Place place;
  PlaceKind kind;
  std::string_view label;
  std::string_view key;  // what `*` of a JSON key becomes
};

constexpr auto places = std::to_array<PlaceName>({
    {Place::whole, PlaceKind::whole, "", ""},
    {Place::l1, PlaceKind::phase, "L1", "_l1"},
    {Place::l2, PlaceKind::phase, "L2", "_l2"},
    {Place::l3, PlaceKind::phase, "L3", "_l3"},
    {Place::n, PlaceKind::phase, "N", "_n"},
    {Place::l1_l2, PlaceKind::lines, "L1-L2", "_l1_l2"},
    {Place::l2_l3, PlaceKind::lines, "L2-L3", "_l2_l3"},
    {Place::l3_l1, PlaceKind::lines, "L3-L1", "_l3_l1"},
    {Place::hmma, PlaceKind::pipe, "hmma", "_hmma"},
    {Place::imma, PlaceKind::pipe, "imma", "_imma"},
    {Place::dfma, PlaceKind::pipe, "dfma", "_dfma"},
    {Place::fp64_pipe, PlaceKind::pipe, "fp64", "_fp64"},
    {Place::fp32_pipe, PlaceKind::pipe, "fp32", "_fp32"},
    {Place::fp16_pipe, PlaceKind::pipe, "fp16", "_fp16"},
    {Place::fp64, PlaceKind::precision, "fp64", "_fp64"},
    {Place::fp32, PlaceKind::precision, "fp32", "_fp32"},
    {Place::fp16, PlaceKind::precision, "fp16", "_fp16"},
    {Place::bf16, PlaceKind::precision, "bf16", "_bf16"},
    {Place::tf32, PlaceKind::precision, "tf32", "_tf32"},
    {Place::fp8, PlaceKind::precision, "fp8", "_fp8"},
    {Place::fp4, PlaceKind::precision, "fp4", "_fp4"},
    {Place::int8, PlaceKind::precision, "int8", "_int8"},
    {Place::other_precision, PlaceKind::precision, "other", "_other"},
    {Place::unspecified_precision, PlaceKind::precision, "unspecified", "_unspecified"},
    {Place::assumed_tf32, PlaceKind::precision, "assumed_tf32", "_assumed_tf32"},
    {Place::assumed_fp16, PlaceKind::precision, "assumed_fp16", "_assumed_fp16"},
    {Place::assumed_bf16, PlaceKind::precision, "assumed_bf16", "_assumed_bf16"},
    {Place::assumed_fp8, PlaceKind::precision, "assumed_fp8", "_assumed_fp8"},
    {Place::branch, PlaceKind::branch, "", ""},
    {Place::by_counted, PlaceKind::method, "counted", ""},
    {Place::by_pipe, PlaceKind::method, "pipe", ""},
    {Place::by_model, PlaceKind::method, "model", ""},
    {Place::by_estimated, PlaceKind::method, "estimated", ""},
    {Place::by_none, PlaceKind::method, "none", ""},
});

const PlaceName& name_of_place(Place place) { return *std::ranges::find(places, place, &PlaceName::place); }

}  // namespace

std::string_view name_of(SourceKind kind) {
  switch (kind) {
    case SourceKind::meter:
      return "meter";
    case SourceKind::accelerator:
      return "accelerator";
    case SourceKind::cpu:
      return "cpu";
    case SourceKind::scope:
      return "scope";
    case SourceKind::window:
      return "window";
    case SourceKind::work:
      return "work";
  }
  return "";
}

std::string_view name_of(Method method) { return label_of(place_of(method)); }

Place place_of(Method method) {
  switch (method) {
    case Method::counted:
      return Place::by_counted;
    case Method::pipe:
      return Place::by_pipe;
    case Method::estimated:
      return Place::by_estimated;
    case Method::model:
      return Place::by_model;
    case Method::none:
      break;
  }
  return Place::by_none;
}

PlaceKind kind_of(Place place) { return name_of_place(place).kind; }

std::string_view label_of(Place place) { return name_of_place(place).label; }

std::optional<Place> find_place(PlaceKind kind, std::string_view label) {
  for (const PlaceName& place : places)
    if (place.kind == kind && place.label == label) return place.place;
  return std::nullopt;
}

std::span<const QuantityRow> quantity_table() { return quantity_rows; }

const QuantityRow* find_row(SourceKind source, Channel channel) {
  const PlaceKind kind = kind_of(channel.place);
  const auto row = std::ranges::find_if(quantity_rows, [&](const QuantityRow& candidate) {
    return candidate.source == source && candidate.quantity == channel.quantity && candidate.place == kind;
  });
  return row == quantity_rows.end() ? nullptr : &*row;
}

const QuantityRow* find_row(SourceKind source, std::string_view name, PlaceKind place) {
  const auto row = std::ranges::find_if(quantity_rows, [&](const QuantityRow& candidate) {
    return candidate.source == source && candidate.name == name && candidate.place == place;
  });
  return row == quantity_rows.end() ? nullptr : &*row;
}

std::string json_key(const QuantityRow& row, Place place) {
  std::string key(row.json_key);
  const auto star = key.find('*');
  if (star != std::string::npos) key.replace(star, 1, name_of_place(place).key);
  return key;
}

}  // namespace flopwatt
