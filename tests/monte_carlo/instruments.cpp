#include "tests/monte_carlo/instruments.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

namespace flopwatt::monte_carlo {
namespace {

using Q = Quantity;

constexpr double sensor_period_s = 0.1;
constexpr double joules_per_wh = 3600;

std::int64_t microseconds_of(double seconds) {
  return static_cast<std::int64_t>(std::llround(seconds * 1e6));
}

// The last multiple of `period` at or before t, shifted by `phase`.
double last_beat(double t, double period, double phase) {
  return phase + std::floor((t - phase) / period) * period;
}

Load random_wander(double begin, double end, Random& random) {
  Load wander(begin);
  const double amplitude = random.chance(0.5) ? 0 : random.between(0, 0.1);
  const double period = random.between(1, 10);
  while (wander.end() < end) wander.append(random.between(0.5, 1.5) * period, random.between(-amplitude, 0));
  return wander;
}

SourcePtr meter_source(const std::string& name, const MeterKind& kind, double interval, double refresh_s) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = name;
  source->interval = source->effective_period = std::chrono::microseconds(microseconds_of(interval));
  source->accuracy = 0.005;
  source->ct_accuracy = 0.005;
  if (kind.is_refresh_told) source->refresh = std::chrono::microseconds(microseconds_of(refresh_s));
  if (kind.power != PowerKind::none) source->fields.push_back({{Q::active_power}, Wire::f32, 1, 0});
  if (kind.step_wh > 0 && kind.is_float) source->fields.push_back({{Q::energy_import}, Wire::f32, 1000, 0});
  if (kind.step_wh > 0 && !kind.is_float)
    source->fields.push_back({{Q::energy_import}, Wire::u32, kind.step_wh, 0});
  return source;
}

SourcePtr accelerator_source(int number, const Cell& cell) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::accelerator;
  source->name = "nvidia" + std::to_string(number);
  source->identity.uuid = "GPU-" + std::to_string(number);
  const bool has_counter = cell.device.energy == DeviceEnergy::counter;
  source->identity.energy_source = has_counter ? EnergySource::counter : EnergySource::integrated;
  source->interval = source->effective_period = std::chrono::seconds(1);
  source->accuracy = 0.05;
  source->refresh = std::chrono::milliseconds(100);
  source->fields.push_back({{Q::power}, Wire::u32, 1e-3, 0});
  if (has_counter) source->fields.push_back({{Q::energy}, Wire::u64, 1e-3, 0});
  if (cell.lumps.most_s > 0) {
    source->fields.push_back({{Q::counted_work}, Wire::f64, 1, 0});
  } else {
    for (const Q quantity : {Q::pipe_work, Q::pipe_work_low, Q::pipe_work_high, Q::pipe_work_spread})
      source->fields.push_back({{quantity}, Wire::f64, 1, 0});
  }
  return source;
}

}  // namespace

std::string_view name_of(GainModel model) {
  switch (model) {
    case GainModel::uniform:
      return "uniform";
    case GainModel::normal:
      return "normal";
    case GainModel::independent:
      return "independent";
  }
  return "";
}

double random_gain(double half_width, GainModel model, Random& random) {
  return model == GainModel::normal ? random.normal(half_width / 3) : random.between(-half_width, half_width);
}

Moment moment_at(double t, double wall_offset_s) {
  return {1'800'000'000'000'000 + microseconds_of(t + wall_offset_s), 5'000'000'000 + microseconds_of(t)};
}

Meter::Meter(const std::string& name, const MeterKind& kind, double interval, double share, Random& random)
    : kind_(kind), share_(share) {
  refresh_s_ = random.between(kind.refresh_least_s, kind.refresh_most_s);
  refresh_phase_s_ = random.between(0, refresh_s_);
  mean_s_ = random.one_of({0.2, 1});
  source_ = meter_source(name, kind, interval, refresh_s_);
  start_wh_ = random.between(10e3, kind.is_float ? 5e6 : 1e8);
  offset_s_ = 0.02 * random.whole(1, 49);
  half_duration_s_ = random.between(0.001, 0.05);
}

ReadingSet Meter::read(const Load& load, double t, double wall_offset_s, Random& random) const {
  ReadingSet set{source_, moment_at(t, wall_offset_s), microseconds_of(half_duration_s_), {}};
  const double taken = t + half_duration_s_ * random.between(-1, 1);
  const double refreshed = last_beat(taken, refresh_s_, refresh_phase_s_);
  for (const Field& field : source_->fields)
    set.values.push_back(field.channel.quantity == Q::energy_import
                             ? register_wh(load, refreshed)
                             : watts(load, kind_.is_power_live ? taken : refreshed));
  return set;
}

double Meter::register_wh(const Load& load, double t) const {
  const double wh = start_wh_ + (1 + gain_) * share_ * load.joules(t) / joules_per_wh;
  const double counted = std::floor(wh / kind_.step_wh) * kind_.step_wh;
  return kind_.is_float ? static_cast<double>(static_cast<float>(counted / 1000)) * 1000 : counted;
}

double Meter::watts(const Load& load, double t) const {
  const double now = kind_.power == PowerKind::mean ? load.mean(t - mean_s_, t) : load.watts(t);
  return static_cast<double>(static_cast<float>((1 + gain_) * share_ * now));
}

Accelerator::Accelerator(int number, const Cell& cell, const Load& load, double share, double flop_per_joule,
                         Random& random)
    : cell_(cell),
      source_(accelerator_source(number, cell)),
      share_(share),
      flop_per_joule_(flop_per_joule),
      wander_(random_wander(load.begin(), load.end(), random)) {
  sensor_phase_s_ = load.begin() + random.between(0, sensor_period_s);
  lump_s_ = cell.lumps.most_s > 0 ? random.between(cell.lumps.least_s, cell.lumps.most_s) : 0;
  lump_phase_s_ = lump_s_ * random.between(0, 1);
  if (cell.has_meters) return;
  double sum = 0;
  for (double end = sensor_phase_s_ + sensor_period_s; end < load.end(); end += sensor_period_s) {
    sensed_.push_back(sum += load.mean(end - cell.device.sensed_s, end) * sensor_period_s);
  }
}

double Accelerator::sensed_joules(const Load& load, double t) const {
  if (sensed_.empty()) return load.joules(t);
  const auto beats = static_cast<std::size_t>((t - sensor_phase_s_) / sensor_period_s);
  return beats == 0 ? 0 : sensed_.at(beats - 1);
}

double Accelerator::sensed_watts(const Load& load, double t) const {
  const double end = last_beat(t, sensor_period_s, sensor_phase_s_);
  return load.mean(end - cell_.device.sensed_s, end);
}

double Accelerator::work(const Load& load, double from, double to) const {
  // Rounding must not make the work of an idle stretch negative: a counter of work never falls.
  return share_ * flop_per_joule_ * std::max(0.0, load.joules(from, to) - load.idle_watts * (to - from));
}

double Accelerator::clock(const Load& load, double t) const {
  const double busy = (load.watts(t) - load.idle_watts) / (load.highest_watts - load.idle_watts);
  return 1 - busy_drop_ * busy + wander_.watts(t);
}

double Accelerator::mean_clock(const Load& load, double from, double to) const {
  const double busy = (load.mean(from, to) - load.idle_watts) / (load.highest_watts - load.idle_watts);
  return 1 - busy_drop_ * busy + wander_.mean(from, to);
}

// As the driver counts it (drivers/accelerators/nvidia/pipe_work.h): the true share of active cycles, times the
// mean of the clocks at both ends.
void Accelerator::add_pipe_work(const Load& load, double t) {
  if (has_last_) {
    const double begin = clock(load, last_t_);
    const double end = clock(load, t);
    const double told = work(load, last_t_, t) * (begin + end) / 2 / mean_clock(load, last_t_, t);
    told_.work += told;
    const double change = end - begin;
    const double variance = change * change / 12 + std::max(0.0, -change * last_change_) * 5 / 6;
    told_.spread += told * std::sqrt(3 * variance) / ((begin + end) / 2);
    last_change_ = change;
  }
  has_last_ = true;
  last_t_ = t;
}

ReadingSet Accelerator::read(const Load& load, double t, double wall_offset_s, Random& random) {
  const double half_duration = random.between(0.0005, 0.005);
  ReadingSet set{source_, moment_at(t, wall_offset_s), microseconds_of(half_duration), {}};
  const double taken = t + half_duration * random.between(-1, 1);
  add_pipe_work(load, taken);
  for (const Field& field : source_->fields) {
    double value = 0;
    switch (field.channel.quantity) {
      case Q::power:
        value = (1 + gain_) * share_ * sensed_watts(load, taken);
        break;
      case Q::energy:
        value = (1 + gain_) * share_ * sensed_joules(load, taken);
        break;
      case Q::pipe_work:
        value = told_.work;
        break;
      case Q::pipe_work_low:
        value = told_.work / 2;
        break;
      case Q::pipe_work_high:
        value = told_.work * 2;
        break;
      case Q::pipe_work_spread:
        value = told_.spread;
        break;
      case Q::counted_work:
        value = work(load, load.begin(), std::max(load.begin(), last_beat(taken, lump_s_, lump_phase_s_)));
        break;
      default:
        break;
    }
    set.values.push_back(value);
  }
  return set;
}

}  // namespace flopwatt::monte_carlo
