// A rack that is polled once a second: one load at the meters, a share of it in the accelerators, and work in
// proportion to the accelerators' power. Everything is exact; faults are what the callbacks make of a set.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/agent/accounting/model.h"

namespace flopwatt::accounting::model {

struct Rack {
  Load load = constant(5000);
  double gpu_share = 0.6;        // of the load's power
  double flop_per_joule = 2e11;  // of the accelerators' energy
  double register_start = 3.6e9;
  double register_apart = 0;  // by which each meter's register is ahead of the one before
  std::vector<SourcePtr> meters;
  std::vector<SourcePtr> gpus;
  double meter_phase = 0.020, gpu_phase = 0.0, jitter = 0.0;
  /// What an accelerator offers then.
  std::function<Offers(const std::string&, double)> offers = [](const std::string&, double) {
    return Offers{};
  };
  double counting_since = 0;  // the agent counts from its start, or from the first line, at 0
  double lump = 0;            // seconds in which counted work comes at once; 0: it is counted as it is done
  /// May change a set before it is handed in, or keep it back (false).
  std::function<bool(ReadingSet&, double)> disturb = [](ReadingSet&, double) { return true; };
  std::vector<ReadingSet> closed;
  std::mt19937 random{7};

  [[nodiscard]] double meter_share() const { return 1.0 / static_cast<double>(meters.size()); }
  [[nodiscard]] double energy(double from, double to) const { return load.between(from, to); }
  [[nodiscard]] double device_energy(double from, double to) const {
    return gpu_share * load.between(from, to);
  }
  [[nodiscard]] double work(double from, double to) const { return flop_per_joule * device_energy(from, to); }

  [[nodiscard]] double work_by(Method method, double from, double to) const {
    return told_share(method) * work(from, to);
  }

  // The polls of second `s`, then one call of advance at its end.
  void second(Accounting& accounting, int s) {
    std::vector<ReadingSet> batch;
    std::uniform_real_distribution<double> shift(0, jitter);
    const auto tell = [&](ReadingSet set, double t) {
      if (disturb(set, t)) batch.push_back(std::move(set));
    };
    double start = register_start - register_apart;
    for (const SourcePtr& meter : meters) {
      start += register_apart;
      const double t = s + meter_phase + shift(random);
      tell(meter_set(meter, t, load.watts(t) * meter_share(), start + load.joules(t) * meter_share()), t);
    }
    for (const SourcePtr& gpu : gpus) {
      const double t = s + gpu_phase + shift(random);
      const double share = gpu_share / static_cast<double>(gpus.size());
      GpuValues values;
      values.watts = load.watts(t) * share;
      values.joules = 1e6 + load.joules(t) * share;
      values.work = load.joules(t) * share * flop_per_joule;
      const double counted_until = lump > 0 ? std::floor(t / lump) * lump : t;
      values.counted = load.between(counting_since, counted_until) * share * flop_per_joule;
      values.offers = offers(gpu->name, t);
      tell(gpu_set(gpu, t, values), t);
    }
    for (ReadingSet& set : accounting.advance(batch, at(s + 0.98))) closed.push_back(std::move(set));
  }

  void run(Accounting& accounting, int from, int to) {
    for (int s = from; s < to; ++s) second(accounting, s);
  }
};

/// Meters "pdu-a", "pdu-b" ... and accelerators "nvidia0", "nvidia1" ...: so many of each.
inline Rack rack_with(int meters, int gpus) {
  Rack rack;
  for (int i = 0; i < meters; ++i)
    rack.meters.push_back(meter(std::string("pdu-") + static_cast<char>('a' + i)));
  for (int i = 0; i < gpus; ++i)
    rack.gpus.push_back(gpu("nvidia" + std::to_string(i), "GPU-" + std::to_string(i + 1)));
  return rack;
}

/// The first window of a scope's figures: one minute in most tests.
inline const ReadingSet& minute(const ScopeFigures& figures) { return figures.windows.at(0).figures; }

inline Settings settings(std::vector<ScopeConfig> scopes, std::vector<Window> windows) {
  return {std::move(scopes), std::move(windows), 0.9};
}

// Seconds of the model at which a set was taken.
inline double second_of(const ReadingSet& set) {
  return static_cast<double>(set.time.monotonic_us - us(0)) * 1e-6;
}

}  // namespace flopwatt::accounting::model
