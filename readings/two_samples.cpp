#include "readings/two_samples.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "readings/register_verdict.h"
#include "readings/turned_transformers.h"

namespace flopwatt {
namespace {

constexpr double joules_of_a_wh = 3600;
constexpr double beyond = 20;
constexpr double least_steps = 3;
constexpr double shortest_s = 2;

bool is_float(const Field& field) { return field.wire == Wire::f32 || field.wire == Wire::f64; }

// The step that is known, in the held unit: of a float the distance to the next number.
double known_step(const Field& field, double value) {
  if (field.resolution > 0) return field.resolution;
  const double size = std::abs(field.scale);
  if (!is_float(field)) return size;
  const double raw = std::abs(value) / size;
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (field.wire == Wire::f64) return (std::nextafter(raw, infinite) - raw) * size;
  const auto narrow = static_cast<float>(raw);
  return (static_cast<double>(std::nextafter(narrow, std::numeric_limits<float>::infinity())) - narrow) *
         size;
}

// The step that is possible: a float may count in whole units.
double possible_step(const Field& field, double value) {
  const double known = known_step(field, value);
  return is_float(field) && field.resolution <= 0 ? std::max(known, std::abs(field.scale)) : known;
}

// Register and power of the whole meter, or of one branch.
struct Pair {
  std::uint16_t branch = 0;
  std::size_t energy = 0;
  std::size_t power = 0;
};

std::vector<Pair> pairs_of(const Source& source) {
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < source.fields.size(); ++i) {
    Channel channel = source.fields[i].channel;
    if (channel.quantity != Quantity::energy_import) continue;
    channel.quantity = Quantity::active_power;
    if (const auto power = source.index_of(channel)) pairs.push_back({channel.branch, i, *power});
  }
  return pairs;
}

struct Judged {
  RegisterFigures figures;
  bool is_open = false;
};

Judged judge(const Pair& pair, const ReadingSet& first, const ReadingSet& later) {
  const Field& field = first.source->fields[pair.energy];
  const double seconds = static_cast<double>(later.time.monotonic_us - first.time.monotonic_us) / 1e6;
  const double growth = (later.values[pair.energy] - first.values[pair.energy]) * joules_of_a_wh;
  const double before = std::max(0.0, first.values[pair.power]);
  const double after = std::max(0.0, later.values[pair.power]);
  const double least = std::min(before, after) * seconds;
  const double most = std::max(before, after) * seconds;
  Judged judged;
  judged.figures.kind = SourceKind::meter;
  judged.figures.compared = {growth, (least + most) / 2, seconds};
  if (!is_known(growth + least + most) || growth < 0 || seconds <= 0) return judged;
  const double step = possible_step(field, later.values[pair.energy]) * joules_of_a_wh;
  if (growth > beyond * most) {
    const bool is_sure = growth >= 2 * step && growth - step > beyond * most;
    if (is_sure) judged.figures.verdict = RegisterVerdict::contradicts;
    judged.is_open = !is_sure;
  } else if (growth > 0 && growth + step < least / beyond) {
    judged.figures.verdict = RegisterVerdict::contradicts;
  } else if (growth <= 0 && least > 0) {
    const bool is_step_known = !is_float(field) || field.resolution > 0;
    const bool is_long = seconds >= 0.9 * longest_comparison_s &&
                         seconds > 2 * std::chrono::duration<double>(first.source->refresh).count();
    if (is_step_known && is_long && least >= least_steps * step)
      judged.figures.verdict = RegisterVerdict::stands_still;
    else
      judged.is_open = is_step_known;
  }
  return judged;
}

double value_of(const ReadingSet& set, Channel channel) {
  const auto column = set.source->index_of(channel);
  return column ? set.values[*column] : absent;
}

MeterPowers powers_of(const ReadingSet& set, std::uint16_t branch) {
  if (branch != 0)
    return {value_of(set, {Quantity::active_power, Place::branch, branch}), {absent, absent, absent}};
  return {
      value_of(set, {Quantity::active_power}),
      {value_of(set, {Quantity::active_power, Place::l1}), value_of(set, {Quantity::active_power, Place::l2}),
       value_of(set, {Quantity::active_power, Place::l3})}};
}

// "" where nothing is turned around.
std::string turned_text(const ReadingSet& first, const ReadingSet& later, std::uint16_t branch) {
  TurnedFigures figures;
  figures.is_branch = branch != 0;
  figures.powers = powers_of(later, branch);
  figures.turned = turned_by(figures.powers);
  if (!figures.turned.is_any() || turned_by(powers_of(first, branch)) != figures.turned) return "";
  const Place place = branch == 0 ? Place::whole : Place::branch;
  const auto growth = [&](Quantity quantity) {
    return value_of(later, {quantity, place, branch}) - value_of(first, {quantity, place, branch});
  };
  const double imported = growth(Quantity::energy_import);
  if (figures.turned.which == TurnedTransformers::Which::all && imported > 0)
    return "";  // something else is odd
  figures.import_is_still = imported == 0;
  figures.export_grows = branch == 0 && growth(Quantity::energy_export) > 0;
  return explanation_of(figures);
}

// 0: the whole meter.
std::vector<std::uint16_t> parts_of(const Source& source) {
  std::vector<std::uint16_t> parts = {0};
  for (const Field& field : source.fields)
    if (field.channel.quantity == Quantity::active_power && field.channel.place == Place::branch)
      parts.push_back(field.channel.branch);
  return parts;
}

}  // namespace

std::optional<double> seconds_to_compare(const ReadingSet& first) {
  const Source& source = *first.source;
  if (source.kind != SourceKind::meter) return std::nullopt;
  std::optional<double> needed;
  for (const std::uint16_t part : parts_of(source))
    if (turned_by(powers_of(first, part)).is_any()) needed = shortest_s;
  for (const Pair& pair : pairs_of(source)) {
    const double energy = first.values[pair.energy];
    const double watts = first.values[pair.power];
    if (!is_known(energy) || !is_known(watts)) continue;
    const double step = known_step(source.fields[pair.energy], energy) * joules_of_a_wh;
    const double length = watts > 0 ? least_steps * step / watts : longest_comparison_s;
    needed = std::max(needed.value_or(shortest_s), length);
  }
  if (!needed) return std::nullopt;
  return std::clamp(*needed, shortest_s, longest_comparison_s);
}

ComparedSamples compare_samples(const ReadingSet& first, const ReadingSet& later) {
  ComparedSamples compared;
  const auto add = [&](std::uint16_t branch, std::string text) {
    if (text.empty()) return;
    const std::string prefix = branch == 0 ? "" : "branch " + std::to_string(branch) + ": ";
    compared.contradictions.push_back(prefix + std::move(text));
  };
  for (const Pair& pair : pairs_of(*first.source)) {
    const Judged judged = judge(pair, first, later);
    add(pair.branch, explanation_of(judged.figures));
    compared.is_open = compared.is_open || judged.is_open;
  }
  for (const std::uint16_t part : parts_of(*first.source)) add(part, turned_text(first, later, part));
  return compared;
}

}  // namespace flopwatt
