#include "waveform.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <stdexcept>
#include <utility>

namespace rack {
namespace {

// The remainder is taken before the sine so that a rack that runs for months loses no digits.
double turn(const Sine& sine, double t) {
  return 2 * std::numbers::pi * std::fmod(t - sine.delay, sine.period) / sine.period;
}

constexpr int kRandomPulses = 1000;
constexpr double kShortestBurst = 0.1;

// The standard's distributions differ from library to library, its engines do not.
class Random {
 public:
  double between(double low, double high) { return low + (high - low) * share(); }
  double exponential(double mean) { return -mean * std::log(1 - share()); }

 private:
  double share() { return static_cast<double>(engine_()) / 4294967296.0; }
  std::mt19937 engine_;
};

void add_pulse(std::vector<Knot>& knots, double begin, double end, double low, double high) {
  knots.insert(knots.end(), {{begin, low}, {begin, high}, {end, high}, {end, low}});
}

}  // namespace

double Sine::value(double t) const { return amplitude * std::sin(turn(*this, t)); }

double Sine::antiderivative(double t) const {
  return -amplitude * period / (2 * std::numbers::pi) * std::cos(turn(*this, t));
}

Schedule::Schedule(std::vector<Knot> knots, double period, double delay)
    : knots_(std::move(knots)), period_(period), delay_(delay) {
  if (period_ <= 0) throw std::invalid_argument("a period must be above 0");
  if (knots_.empty() || knots_.front().time != 0)
    throw std::invalid_argument("a schedule must start with a point at time 0");
  if (knots_.back().time < period_) knots_.push_back({period_, knots_.front().value});
  area_.push_back(0);
  for (std::size_t i = 1; i < knots_.size(); ++i) {
    const double width = knots_[i].time - knots_[i - 1].time;
    if (width < 0) throw std::invalid_argument("the points of a schedule must be in order of time");
    area_.push_back(area_.back() + width * (knots_[i].value + knots_[i - 1].value) / 2);
  }
  if (knots_.back().time > period_) throw std::invalid_argument("a point lies beyond the period");
}

Schedule Schedule::square(const Square& square) {
  if (square.duty <= 0 || square.duty >= 1) throw std::invalid_argument("a duty must lie between 0 and 1");
  if (square.jitter < 0 || square.jitter >= 1)
    throw std::invalid_argument("a jitter must be below 1 and not below 0");
  Random random;
  std::vector<Knot> knots;
  double end = 0;
  for (int i = 0; i < (square.jitter > 0 ? kRandomPulses : 1); ++i) {
    const double length = square.period * (1 + square.jitter * random.between(-1, 1));
    add_pulse(knots, end, end + square.duty * length, square.low, square.high);
    end += length;
  }
  knots.push_back({end, square.low});
  return Schedule(std::move(knots), end, square.delay);
}

Schedule Schedule::bursts(const Bursts& bursts) {
  if (bursts.pause <= 0 || bursts.longest < kShortestBurst)
    throw std::invalid_argument("bursts need a pause above 0 and take 0.1 s or longer");
  Random random;
  std::vector<Knot> knots = {{0, bursts.low}};
  double end = 0;
  for (int i = 0; i < kRandomPulses; ++i) {
    const double begin = end + random.exponential(bursts.pause);
    end = begin + random.between(kShortestBurst, bursts.longest);
    add_pulse(knots, begin, end, bursts.low, bursts.high);
  }
  return Schedule(std::move(knots), end, bursts.delay);
}

double Schedule::value(double t) const {
  const double cycles = std::floor((t - delay_) / period_);
  const double within = std::clamp(t - delay_ - cycles * period_, 0.0, period_);
  const auto after = std::upper_bound(knots_.begin(), knots_.end(), within,
                                      [](double time, const Knot& knot) { return time < knot.time; });
  if (after == knots_.end()) return knots_.back().value;
  const Knot& a = *std::prev(after);
  return a.value + (after->value - a.value) * (within - a.time) / (after->time - a.time);
}

double Schedule::area_until(double within) const {
  const auto after = std::upper_bound(knots_.begin(), knots_.end(), within,
                                      [](double time, const Knot& knot) { return time < knot.time; });
  if (after == knots_.end()) return area_.back();
  const Knot& a = *std::prev(after);
  const double slope = (after->value - a.value) / (after->time - a.time);
  const double x = within - a.time;
  return area_[static_cast<std::size_t>(after - knots_.begin()) - 1] + x * (a.value + slope * x / 2);
}

double Schedule::antiderivative(double t) const {
  const double cycles = std::floor((t - delay_) / period_);
  const double within = std::clamp(t - delay_ - cycles * period_, 0.0, period_);
  return cycles * area_.back() + area_until(within);
}

double Schedule::lowest() const { return std::ranges::min_element(knots_, {}, &Knot::value)->value; }

double Schedule::highest() const { return std::ranges::max_element(knots_, {}, &Knot::value)->value; }

void Schedule::scale(double factor) {
  for (Knot& knot : knots_) knot.value *= factor;
  for (double& area : area_) area *= factor;
}

void Waveform::add(const Waveform& other, double factor) {
  constant_ += factor * other.constant_;
  for (Sine sine : other.sines_) {
    sine.amplitude *= factor;
    sines_.push_back(sine);
  }
  for (Schedule schedule : other.schedules_) {
    schedule.scale(factor);
    schedules_.push_back(std::move(schedule));
  }
}

double Waveform::value(double t) const {
  double sum = constant_;
  for (const Sine& sine : sines_) sum += sine.value(t);
  for (const Schedule& schedule : schedules_) sum += schedule.value(t);
  return sum;
}

double Waveform::antiderivative(double t) const {
  double sum = constant_ * t;
  for (const Sine& sine : sines_) sum += sine.antiderivative(t);
  for (const Schedule& schedule : schedules_) sum += schedule.antiderivative(t);
  return sum;
}

double Waveform::mean(double from, double until) const {
  return until == from ? value(from) : integral(from, until) / (until - from);
}

double Waveform::lowest() const {
  double sum = constant_;
  for (const Sine& sine : sines_) sum -= std::abs(sine.amplitude);
  for (const Schedule& schedule : schedules_) sum += schedule.lowest();
  return sum;
}

double Waveform::highest() const {
  double sum = constant_;
  for (const Sine& sine : sines_) sum += std::abs(sine.amplitude);
  for (const Schedule& schedule : schedules_) sum += schedule.highest();
  return sum;
}

Waveform Waveform::delayed(double seconds) const {
  Waveform later = *this;
  for (Sine& sine : later.sines_) sine.delay += seconds;
  for (Schedule& schedule : later.schedules_) schedule.shift(seconds);
  return later;
}

}  // namespace rack
