// Sources and loads whose truth is known, for the tests of accounting.
#pragma once

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "agent/accounting/accounting.h"
#include "readings/missing_reason.h"
#include "readings/reading_set.h"

namespace flopwatt::accounting::model {

using Q = Quantity;

// Both clocks at `s` seconds; wall time starts at a full hour of UTC.
inline Moment at(double s) {
  const auto us = static_cast<std::int64_t>(std::llround(s * 1e6));
  return {1'800'000'000'000'000 + us, 5'000'000'000 + us};
}
inline std::int64_t us(double s) { return at(s).monotonic_us; }

// Power and its exact integral as functions of time.
struct Load {
  std::function<double(double)> watts;
  std::function<double(double)> joules;
  [[nodiscard]] double between(double from, double to) const { return joules(to) - joules(from); }
};

inline Load constant(double watts) {
  return {[=](double) { return watts; }, [=](double t) { return watts * t; }};
}

inline Load sinusoid(double mean, double amplitude, double period) {
  const double w = 2 * std::numbers::pi / period;
  return {[=](double t) { return mean + amplitude * std::sin(w * t); },
          [=](double t) { return mean * t - amplitude / w * std::cos(w * t) + amplitude / w; }};
}

// `high` in the first `duty` of every period, shifted by `phase` seconds.
inline Load steps(double low, double high, double period, double duty, double phase = 0) {
  const auto split = [=](double t) {
    const double cycles = std::floor((t - phase) / period);
    return std::pair{cycles, t - phase - cycles * period};
  };
  return {[=](double t) { return split(t).second < duty * period ? high : low; },
          [=](double t) {
            const auto [cycles, rest] = split(t);
            const double on = duty * period;
            return cycles * (high * on + low * (period - on)) +
                   (rest < on ? high * rest : high * on + low * (rest - on));
          }};
}

struct MeterShape {
  bool has_power = true;
  bool has_register = true;
  Field energy{{Q::energy_import}, Wire::i64, 1.0, 0.0};  // 1 Wh
  double accuracy = 0.005;
  double ct_accuracy = 0.005;
  double interval = 1;
  std::string serial{};
};

inline SourcePtr meter(const std::string& name, const MeterShape& shape = {}) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::meter;
  source->name = name;
  source->identity.serial = shape.serial;
  source->interval = source->effective_period =
      std::chrono::microseconds(static_cast<std::int64_t>(shape.interval * 1e6));
  source->accuracy = shape.accuracy;
  source->ct_accuracy = shape.ct_accuracy;
  // A column that accounting does not read comes first, so that a wrong index shows.
  source->fields.push_back({{Q::frequency}, Wire::f32, 1, 0});
  if (shape.has_power) source->fields.push_back({{Q::active_power}, Wire::f32, 1, 0});
  if (shape.has_register) source->fields.push_back(shape.energy);
  return source;
}

// As a meter sends it: the register cut to its step.
inline ReadingSet meter_set(const SourcePtr& source, double t, double watts, double joules) {
  ReadingSet set{source, at(t), 2'000, {}};
  for (const Field& field : source->fields) {
    double value = 50;
    if (field.channel.quantity == Q::active_power) value = watts;
    if (field.channel.quantity == Q::energy_import) {
      const double step = std::max(field.resolution, field.wire == Wire::f32 ? 0 : field.scale);
      value = joules / 3600;
      if (step > 0) value = std::floor(value / step) * step;
      if (field.wire == Wire::f32)
        value = static_cast<double>(static_cast<float>(value / field.scale)) * field.scale;
    }
    set.values.push_back(value);
  }
  return set;
}

inline SourcePtr gpu(const std::string& name, const std::string& uuid = "GPU-1", bool has_counter = true) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::accelerator;
  source->name = name;
  source->identity.uuid = uuid;
  source->identity.energy_source = has_counter ? EnergySource::counter : EnergySource::integrated;
  source->interval = source->effective_period = std::chrono::seconds(1);
  source->accuracy = 0.05;
  source->refresh = std::chrono::milliseconds(100);
  for (const auto& [quantity, wire] : {std::pair{Q::temperature, Wire::u8},
                                       {Q::power, Wire::u32},
                                       {Q::energy, Wire::u64},
                                       {Q::pipe_work, Wire::f64},
                                       {Q::pipe_work_low, Wire::f64},
                                       {Q::pipe_work_high, Wire::f64},
                                       {Q::pipe_work_spread, Wire::f64},
                                       {Q::estimated_work, Wire::f64},
                                       {Q::estimated_work_low, Wire::f64},
                                       {Q::estimated_work_high, Wire::f64},
                                       {Q::counted_work, Wire::f64}})
    source->fields.push_back({{quantity}, wire, wire == Wire::u32 || wire == Wire::u64 ? 1e-3 : 1, 0});
  return source;
}

// Which methods an accelerator offers.
struct Offers {
  bool counted = false, pipe = true, estimated = false;
};

// The methods find different work, so that a mixture shows.
inline double told_share(Method method) {
  return method == Method::counted ? 0.9 : method == Method::pipe ? 1.0 : 3.0;
}

struct GpuValues {
  double watts = 0, joules = 0, work = 0;
  double low_share = 0.5, high_share = 2, spread_share = 0;
  Offers offers{};
  double counted = work;  // before its share: behind the work where it comes in lumps
};

inline ReadingSet gpu_set(const SourcePtr& source, double t, const GpuValues& v) {
  const double pipe = v.offers.pipe ? v.work * told_share(Method::pipe) : absent;
  const double estimated = v.offers.estimated ? v.work * told_share(Method::estimated) : absent;
  const double counted = v.offers.counted ? v.counted * told_share(Method::counted) : absent;
  return {source,
          at(t),
          1'000,
          {60, v.watts, v.joules, pipe, pipe * v.low_share, pipe * v.high_share, pipe * v.spread_share,
           estimated, estimated / 6, estimated * 2, counted}};
}

// What was counted for a scope as a whole; without work: it is not offered any more.
inline SourcePtr lines(const std::string& scope) {
  auto source = std::make_shared<Source>();
  source->kind = SourceKind::work;
  source->name = scope;
  source->interval = source->effective_period = std::chrono::seconds(1);
  source->fields = {{{Q::counted_work, Place::bf16}}, {{Q::counted_work}}};
  return source;
}

inline ReadingSet lines_set(const SourcePtr& source, double t, double work) {
  return {source, at(t), 0, {work / 2, work}};
}

// "pdu-a" or "pdu-a/1".
inline EnergyEntry entry(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return {text};
  return {text.substr(0, slash), static_cast<std::uint16_t>(std::stoi(text.substr(slash + 1)))};
}

inline ScopeConfig scope(const std::string& name, std::vector<std::string> meters, ScopeConfig::Work work,
                         std::vector<std::string> patterns = {}) {
  ScopeConfig config;
  config.name = name;
  for (std::string& meter : meters) config.energy.push_back(entry(meter));
  config.work = work;
  config.work_patterns = std::move(patterns);
  return config;
}

inline ScopeConfig nested(ScopeConfig config, std::vector<std::string> contains) {
  config.contains = std::move(contains);
  return config;
}

inline Window window(const std::string& text, double length) {
  return {text, std::chrono::microseconds(static_cast<std::int64_t>(length * 1e6))};
}

inline double value(const ReadingSet& set, Quantity quantity) {
  const auto column = set.source->index_of({quantity});
  return column ? set.values.at(*column) : absent;
}

/// Of a scope that tells nothing of its windows but why.
inline MissingReason reason_for_all(const ScopeFigures& figures) {
  MissingReason common = MissingReason::none;
  for (const WindowFigures& window : figures.windows) {
    for (std::size_t i = 0; i < window.figures.values.size(); ++i)
      if (is_known(window.figures.values[i]) &&
          window.figures.source->fields[i].channel.quantity != Q::missing)
        return MissingReason::none;
    common = static_cast<MissingReason>(value(window.figures, Q::missing));
  }
  return common;
}

/// The best method of the first window.
inline Method best_method(const ScopeFigures& figures) {
  return figures.windows.empty() ? Method::none : figures.windows.front().method;
}

/// The running total of a scope's work by that method.
inline double work_total(const ScopeFigures& figures, Method method) {
  const auto column = figures.figures.source->index_of({Q::work, place_of(method)});
  return column ? figures.figures.values.at(*column) : absent;
}
inline double work_total(const ScopeFigures& figures) { return work_total(figures, best_method(figures)); }

inline const WindowFigures* find_window(const ScopeFigures& figures, const std::string& name) {
  for (const WindowFigures& window : figures.windows)
    if (window.figures.source->name == name) return &window;
  return nullptr;
}

inline double term(const WindowFigures& figures, const std::string& name) {
  for (const UncertaintyTerm& one : figures.terms)
    if (one.name == name) return one.relative;
  return absent;
}

}  // namespace flopwatt::accounting::model
