#include "tests/monte_carlo/load.h"

#include <algorithm>
#include <cmath>

namespace flopwatt::monte_carlo {
namespace {

constexpr double ramp_step_s = 0.25;
constexpr double deep_idle_watts = 90;

struct Levels {
  double low = 0, high = 0;
};

// `high` in the first part of every period. `jitter`: relative, of each period.
void pulses(Load& load, double end, const Levels& levels, double period, double duty, double jitter,
            Random& random) {
  load.append(random.between(0, period), levels.low);
  while (load.end() < end) {
    const double length = period * (1 + jitter * random.between(-1, 1));
    load.append(duty * length, levels.high);
    load.append((1 - duty) * length, levels.low);
  }
}

void ramps(Load& load, double end, const Levels& levels, Random& random) {
  while (load.end() < end) {
    const double length = random.between(30, 600);
    const double from = random.between(levels.low, levels.high);
    const double to = random.between(levels.low, levels.high);
    for (double t = 0; t < length; t += ramp_step_s)
      load.append(ramp_step_s, from + (to - from) * t / length);
  }
}

void bursts(Load& load, double end, const Levels& levels, Random& random) {
  const double mean_pause = random.between(1, 30);
  const double longest = random.between(0.1, 5);
  while (load.end() < end) {
    load.append(-mean_pause * std::log(random.between(1e-6, 1)), levels.low);
    load.append(random.between(0.1, std::max(0.11, longest)), levels.high);
  }
}

void nights(Load& load, double end, const Levels& levels, Random& random) {
  bool is_night = random.chance(0.5);
  while (load.end() < end) {
    load.append(random.between(60, 500), is_night ? levels.low : levels.high);
    is_night = !is_night;
  }
}

}  // namespace

void Load::append(double seconds, double watts) {
  const double before = segments_.empty() ? 0 : segments_.back().joules_at_end;
  segments_.push_back({end() + seconds, watts, before + seconds * watts});
  highest_watts = std::max(highest_watts, watts);
}

const Load::Segment& Load::at(double t) const {
  const auto found =
      std::ranges::upper_bound(segments_, t, {}, [](const Segment& segment) { return segment.end; });
  return found == segments_.end() ? segments_.back() : *found;
}

double Load::watts(double t) const { return at(t).watts; }

double Load::joules(double t) const {
  const Segment& segment = at(t);
  return segment.joules_at_end - (segment.end - t) * segment.watts;
}

std::string_view name_of(LoadKind kind) {
  switch (kind) {
    case LoadKind::constant:
      return "constant";
    case LoadKind::ramp:
      return "ramp";
    case LoadKind::training:
      return "training";
    case LoadKind::bursts:
      return "bursts";
    case LoadKind::deep_bursts:
      return "deep bursts";
    case LoadKind::square:
      return "square";
    case LoadKind::fast:
      return "fast";
    case LoadKind::nights:
      return "nights";
  }
  return "";
}

Load random_load(LoadKind kind, double begin, double end, double interval, Random& random) {
  Load load(begin);
  Levels levels;
  levels.low = random.between(500, 5000);
  levels.high = levels.low + random.between(1000, 10'000);
  load.idle_watts = levels.low * random.between(0.5, 1);
  const double duty = random.between(0.3, 0.7);
  switch (kind) {
    case LoadKind::constant:
      load.append(end - begin + 1, levels.high);
      break;
    case LoadKind::ramp:
      ramps(load, end, levels, random);
      break;
    case LoadKind::training:
      pulses(load, end, levels, random.between(0.3, 20), random.between(0.5, 0.9), 0.05, random);
      break;
    case LoadKind::bursts:
      bursts(load, end, levels, random);
      break;
    case LoadKind::deep_bursts:
      levels = {deep_idle_watts, random.between(4000, 12'000)};
      load.idle_watts = levels.low;
      bursts(load, end, levels, random);
      break;
    case LoadKind::square: {
      const double off = random.chance(0.25) ? 0 : random.between(-0.1, 0.1);
      pulses(load, end, levels, interval * random.one_of({0.5, 1, 2}) * (1 + off), duty, 0, random);
      break;
    }
    case LoadKind::fast:
      pulses(load, end, levels, random.between(0.05, 0.3), duty, random.one_of({0, 0.2}), random);
      break;
    case LoadKind::nights:
      nights(load, end, levels, random);
      break;
  }
  return load;
}

}  // namespace flopwatt::monte_carlo
