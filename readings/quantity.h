// The vocabulary: every quantity that can be read or computed, and THE table of its name, its unit, its
// Prometheus series and its MQTT key. Every exporter and the documentation read this table; no name or unit
// stands anywhere else.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace flopwatt {

/// The kind of source that a reading set belongs to.
enum class SourceKind : std::uint8_t {
  meter,
  accelerator,
  cpu,
  scope,   ///< a scope's running figures, as Prometheus shows them
  window,  ///< a scope's figures over one window, named `<scope>/<window>`
  work,    ///< work that workloads have counted for a scope as a whole; named as the scope
};

inline constexpr std::array all_source_kinds = {SourceKind::meter, SourceKind::accelerator, SourceKind::cpu,
                                                SourceKind::scope, SourceKind::window,      SourceKind::work};
/// As in the store and in JSON: "meter", "accelerator" ...
[[nodiscard]] std::string_view name_of(SourceKind kind);

/// The numbers are not stored (names are); the order is free.
enum class Quantity : std::uint8_t {
  // meters
  active_power,
  apparent_power,
  reactive_power,
  power_factor,
  frequency,
  voltage,
  current,
  energy_import,
  energy_export,
  // accelerators and CPU packages
  power,
  power_limit,
  energy,
  utilization,
  memory_used,
  memory_total,
  core_clock,
  temperature,
  pipe_active,
  // Work by method, each cumulative, in FLOP. `_low` and `_high`: at the lowest and the highest rate among
  // the precisions that the method leaves open. Absent while the accelerator does not offer the method.
  // `_told`: the part that was done by the moment up to which all senders have told their work; absent where
  // nobody has told the work since that moment in the set before. `_age`: from that moment to the set's time.
  counted_work,
  counted_work_told,
  counted_work_age,
  model_work,
  model_work_told,
  model_work_age,
  pipe_work,
  pipe_work_low,
  pipe_work_high,
  pipe_work_spread,  ///< half-width of `pipe_work` from a clock that moved between samples
  estimated_work,
  estimated_work_low,
  estimated_work_high,
  work,    ///< FLOP done by the best method that is offered, which `method` names
  method,  ///< a Method, as a number
  peak_rate,
  // scopes and windows
  unaccounted_power,
  device_energy,
  covered_energy,  ///< of the time in which both energy and work are known
  covered_work,    ///< of the same time
  joules_per_flop,
  joules_per_flop_low,
  joules_per_flop_high,
  flop_per_second_per_watt,
  uncertainty,
  coverage,
  missing,  ///< why there is no joules_per_flop: a MissingReason, as a number
  interim_pue,
};

/// Which part of the source a reading is of.
enum class Place : std::uint8_t {
  whole,
  // phases
  l1,
  l2,
  l3,
  n,
  // line to line
  l1_l2,
  l2_l3,
  l3_l1,
  // pipes of an accelerator
  hmma,
  imma,
  dfma,
  fp64_pipe,
  fp32_pipe,
  fp16_pipe,
  // precisions that the hardware or the workload distinguishes
  fp64,
  fp32,
  fp16,
  bf16,
  tf32,
  fp8,
  fp4,
  int8,
  other_precision,        ///< the workload names one that is not in this list
  unspecified_precision,  ///< the workload names none
  // precisions that the configuration states
  assumed_tf32,
  assumed_fp16,
  assumed_bf16,
  assumed_fp8,
  branch,  ///< a branch circuit or outlet; its number is Channel::branch
  // methods of work, of a figure of a scope
  by_counted,
  by_pipe,
  by_model,
  by_estimated,
  by_none,  ///< no method gives the scope's work
};

enum class PlaceKind : std::uint8_t { whole, phase, lines, pipe, precision, branch, method };

/// How the work of an accelerator was found; never mixed in a sum. The numbers are stored: never reuse one.
enum class Method : std::uint8_t {
  none = 0,
  counted = 1,    ///< the workload says what the hardware did
  pipe = 2,       ///< activity of the hardware
  estimated = 3,  ///< utilization x peak
  model = 4,      ///< the workload says what its algorithm needs
};

/// Numbers of methods are below this.
inline constexpr std::size_t method_count = 5;
inline constexpr std::array methods_best_first = {Method::counted, Method::pipe, Method::model,
                                                  Method::estimated};

[[nodiscard]] std::string_view name_of(Method method);
/// Place::by_pipe of Method::pipe.
[[nodiscard]] Place place_of(Method method);

/// One column of a source's reading sets.
struct Channel {
  Quantity quantity{};
  Place place = Place::whole;
  std::uint16_t branch = 0;  ///< 1.. where place is Place::branch

  auto operator<=>(const Channel&) const = default;  // NOLINT(modernize-use-nullptr): of clang-tidy 14
};

[[nodiscard]] PlaceKind kind_of(Place place);
/// The label value: "L1", "L1-L2", "hmma", "assumed_bf16"; "" for the whole.
[[nodiscard]] std::string_view label_of(Place place);
/// The place of kind `kind` with that label; nullopt: none.
[[nodiscard]] std::optional<Place> find_place(PlaceKind kind, std::string_view label);

enum class ValueKind : std::uint8_t {
  gauge,    ///< holds at a time, or over the window
  counter,  ///< cumulative since a start that the source chooses
  method,   ///< a Method, published as its name
  reason,   ///< a MissingReason, published as its name
};

/// One row: a quantity of one kind of source at one kind of place.
struct QuantityRow {
  SourceKind source;
  Quantity quantity;
  PlaceKind place;
  std::string_view name;  ///< in configuration, profiles and messages
  std::string_view unit;  ///< the unit in which values are held: W, Wh, J, FLOP, 1 ...
  ValueKind kind;
  std::string_view series;       ///< Prometheus series, "" = not published there
  std::string_view place_label;  ///< its label for the place, "" = none
  double series_factor;          ///< multiplies a held value into the series' base unit
  /// JSON key over MQTT, "" = not published there. `*` stands for the place: "voltage*_v" -> "voltage_l1_v".
  std::string_view json_key;
  std::string_view help;  ///< one sentence for HELP and the documentation
};

/// The whole table, grouped by source, in the order in which series are written.
[[nodiscard]] std::span<const QuantityRow> quantity_table();

/// The row of a channel. nullptr: the table has none, and the channel can be neither configured nor stored.
[[nodiscard]] const QuantityRow* find_row(SourceKind source, Channel channel);

/// The row with that name in configurations, for that kind of source and place; nullptr: none.
[[nodiscard]] const QuantityRow* find_row(SourceKind source, std::string_view name, PlaceKind place);

/// The JSON key of a channel with its place filled in; "" where it is not published. The key of a branch is
/// the one inside its object of "branches".
[[nodiscard]] std::string json_key(const QuantityRow& row, Place place);

}  // namespace flopwatt
