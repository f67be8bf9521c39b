// What a second of accounting costs: 40 racks of 20 meters and 5 accelerators, 1,000 sources in all, inside one
// facility, with windows of 1 m and 15 m. As in the agent: a batch each second, then the running figures.
//
//   accounting [SECONDS]   simulated time after 20 minutes of it, which fill the windows
//
// Prints the CPU time of a second by part, and the allocations of a reading set in the steady state.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "agent/accounting/accounting.h"
#include "agent/accounting/member.h"

namespace {

std::size_t allocations = 0;

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace flopwatt;
using namespace flopwatt::accounting;
using Q = Quantity;

constexpr int racks = 40, meters_of_rack = 20, accelerators_of_rack = 5;
constexpr int fill_s = 1200;
constexpr std::int64_t second_us = 1'000'000;

Moment at(double seconds) {
  const auto us = static_cast<std::int64_t>(seconds * 1e6);
  return {1'700'000'000 * second_us + us, 1'000 * second_us + us};
}

SourcePtr source_of(SourceKind kind, const std::string& name) {
  auto source = std::make_shared<Source>();
  source->kind = kind;
  source->name = name;
  source->interval = source->effective_period = std::chrono::seconds(1);
  source->accuracy = 0.005;
  if (kind == SourceKind::meter) {
    source->fields = {{{Q::active_power}, Wire::u32, 0.1}, {{Q::energy_import}, Wire::u32, 1}};
  } else {
    source->identity.energy_source = EnergySource::counter;
    source->fields = {{{Q::utilization}, Wire::u8, 0.01}, {{Q::power}, Wire::u32, 1e-3},
                      {{Q::energy}, Wire::u64, 1e-3},     {{Q::pipe_work}, Wire::f64},
                      {{Q::pipe_work_low}, Wire::f64},    {{Q::pipe_work_high}, Wire::f64},
                      {{Q::estimated_work}, Wire::f64}};
  }
  return source;
}

struct Row {
  std::vector<SourcePtr> sources;
  Settings settings;

  Row() {
    settings.windows = {{"1m", std::chrono::minutes(1)}, {"15m", std::chrono::minutes(15)}};
    settings.min_coverage = 0.9;
    ScopeConfig facility;
    facility.name = "facility";
    for (int rack = 0; rack < racks; ++rack) {
      ScopeConfig scope;
      scope.name = "rack-" + std::to_string(rack);
      scope.work = ScopeConfig::Work::listed;
      for (int i = 0; i < meters_of_rack; ++i) {
        sources.push_back(source_of(SourceKind::meter, "m" + std::to_string(rack) + "-" + std::to_string(i)));
        scope.energy.push_back({sources.back()->name});
      }
      for (int i = 0; i < accelerators_of_rack; ++i) {
        sources.push_back(
            source_of(SourceKind::accelerator, "a" + std::to_string(rack) + "-" + std::to_string(i)));
        scope.work_patterns.push_back(sources.back()->name);
      }
      facility.contains.push_back(scope.name);
      facility.energy.insert(facility.energy.end(), scope.energy.begin(), scope.energy.end());
      settings.scopes.push_back(std::move(scope));
    }
    // Its meters are others, as the rules want: one at its feed.
    facility.energy.clear();
    sources.push_back(source_of(SourceKind::meter, "feed"));
    facility.energy.push_back({"feed"});
    facility.work = ScopeConfig::Work::none;
    settings.scopes.push_back(std::move(facility));
  }

  void fill(std::vector<ReadingSet>& batch, int second) const {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      ReadingSet& set = batch[i];
      set.time = at(second + 1e-3 * static_cast<double>(i % 900));
      const double t = static_cast<double>(set.time.monotonic_us) * 1e-6;
      const double watts = 500 + 200 * std::sin(t / 17 + static_cast<double>(i));
      const double joules = 500 * t;
      if (sources[i]->kind == SourceKind::meter)
        set.values = {watts, std::floor(joules / 3600)};
      else
        set.values = {1, watts, joules, joules * 1e11, joules * 0.5e11, joules * 2e11, joules * 3e11};
    }
  }
};

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  const int measured_s = argc > 1 ? std::atoi(argv[1]) : 60;
  const Row row;
  Accounting accounting(row.settings, {}, at(0));
  std::vector<ReadingSet> batch;
  for (const SourcePtr& source : row.sources) batch.push_back({source, {}, 1000, {}});
  double adding = 0, telling = 0;
  std::size_t adding_allocations = 0;
  for (int second = 0; second < fill_s + measured_s; ++second) {
    row.fill(batch, second);
    const bool is_measured = second >= fill_s;
    const std::size_t before = allocations;
    const double begin = cpu_seconds();
    const auto closed = accounting.advance(batch, at(second + 0.98));
    const double middle = cpu_seconds();
    const std::size_t after = allocations;
    const auto figures = accounting.figures(at(second + 0.98));
    if (!is_measured) continue;
    adding += middle - begin;
    telling += cpu_seconds() - middle;
    adding_allocations += after - before;
  }
  const double seconds = measured_s;
  std::printf("%zu sources: %.2f ms a second in batches, %.2f ms in running figures: %.2f %% of a core\n",
              row.sources.size(), 1e3 * adding / seconds, 1e3 * telling / seconds,
              100 * (adding + telling) / seconds);
  std::printf("%.2f allocations a reading set in batches (covered totals included)\n",
              static_cast<double>(adding_allocations) / seconds / static_cast<double>(row.sources.size()));
  return EXIT_SUCCESS;
}
