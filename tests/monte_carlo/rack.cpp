#include "tests/monte_carlo/rack.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "agent/accounting/accounting.h"

namespace flopwatt::monte_carlo {
namespace {

using Q = Quantity;

constexpr double warm_up_s = 25;   // then every source has been read, and windows of 20 s are whole
constexpr double margin_s = 12;    // loads begin so long before the first poll, for means reach back
constexpr double quarter_s = 900;  // closed windows begin at multiples of their length in wall time

double value_of(const ReadingSet& set, Quantity quantity) {
  const auto column = set.source->index_of({quantity});
  return column ? set.values.at(*column) : absent;
}

struct Gap {
  double from = 0, to = 0;
};

class Rack {
 public:
  Rack(const Cell& cell, const RackOptions& options, std::uint64_t seed);
  std::vector<Outcome> run();

 private:
  struct Poll {
    std::int64_t number = 0;
    Gap outage{0, 0};
    double lost_share = 0;
    [[nodiscard]] bool is_lost(double t, Random& random) const {
      return random.chance(lost_share) || (t >= outage.from && t < outage.to);
    }
  };

  void draw_gains(GainModel model);
  void draw_outages();
  [[nodiscard]] flopwatt::accounting::Settings settings() const;
  [[nodiscard]] std::size_t lengths() const { return is_long_ ? 3 : 2; }
  std::vector<ReadingSet> batch_until(double now);
  [[nodiscard]] Outcome judge(const ReadingSet& figures, std::size_t length, bool is_closed) const;
  [[nodiscard]] bool has_work(double from, double to) const;
  void add_outcome(const ReadingSet& figures, std::size_t length, bool is_closed,
                   std::vector<Outcome>& outcomes) const;

  Cell cell_;
  Random random_;
  bool is_long_;
  double end_s_, interval_, wall_offset_s_;
  Load load_;
  std::vector<Meter> meters_;
  std::vector<Accelerator> accelerators_;
  std::vector<Poll> meter_polls_, accelerator_polls_;
  PollTimes meter_times_, accelerator_times_;
};

Rack::Rack(const Cell& cell, const RackOptions& options, std::uint64_t seed)
    : cell_(cell),
      random_(seed),
      is_long_(options.is_long),
      end_s_(options.is_long ? 1850 : 260),
      interval_(random_.one_of({1, 1, 1, 5})),
      wall_offset_s_(random_.between(0, quarter_s)),
      load_(random_load(cell.load, -margin_s, end_s_ + margin_s, cell.has_meters ? interval_ : 1, random_)),
      meter_times_(interval_, options.phase, random_),
      accelerator_times_(1, options.phase, random_) {
  const int meters = cell.has_meters ? random_.whole(1, 2) : 0;
  const int accelerators = random_.whole(1, 4);
  for (int i = 0; i < meters; ++i)
    meters_.emplace_back("pdu-" + std::to_string(i), cell.meter, interval_, 1.0 / meters, random_);
  // Behind meters, accelerators take a part of the power; else the scope is theirs alone.
  const double share = (cell.has_meters ? random_.between(0.4, 0.9) : 1) / accelerators;
  const double drop = random_.chance(0.4) ? 0 : random_.between(0, 0.25);
  for (int i = 0; i < accelerators; ++i) {
    accelerators_.emplace_back(i, cell, load_, share, 2e11, random_);
    accelerators_.back().share_clock(drop);
  }
  meter_polls_.resize(meters_.size());
  accelerator_polls_.resize(accelerators_.size());
  draw_gains(options.gain);
  if (cell.has_outages) draw_outages();
}

void Rack::draw_gains(GainModel model) {
  const auto meter_gain = [&] {
    return random_gain(0.005, model, random_) + random_gain(0.005, model, random_);
  };
  const double common = meter_gain();
  for (Meter& meter : meters_) meter.set_gain(model == GainModel::independent ? meter_gain() : common);
  const double common_device = random_gain(0.05, model, random_);
  for (Accelerator& one : accelerators_)
    one.set_gain(model == GainModel::independent ? random_gain(0.05, model, random_) : common_device);
}

// One source is out once in each 260 s, and each loses single polls.
void Rack::draw_outages() {
  const double from = random_.between(30, 170);
  const bool is_meter = random_.chance(0.5);
  (is_meter ? meter_polls_ : accelerator_polls_).front().outage = {from, from + random_.between(20, 80)};
  for (auto* polls : {&meter_polls_, &accelerator_polls_})
    for (Poll& poll : *polls) poll.lost_share = 0.02;
}

flopwatt::accounting::Settings Rack::settings() const {
  flopwatt::accounting::Settings settings;
  ScopeConfig scope;
  scope.name = "r";
  scope.work = ScopeConfig::Work::all;
  for (const Meter& meter : meters_) scope.energy.push_back({meter.source()->name});
  settings.scopes = {scope};
  for (std::size_t i = 0; i < lengths(); ++i)
    settings.windows.push_back({std::to_string(i), std::chrono::seconds(window_lengths_s.at(i))});
  return settings;
}

std::vector<ReadingSet> Rack::batch_until(double now) {
  std::vector<ReadingSet> batch;
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    Poll& poll = meter_polls_.at(i);
    // A reading has arrived some time after its midpoint.
    for (double t = 0; (t = meter_times_.of(poll.number) + meters_.at(i).offset_s()) < now - 0.06;
         ++poll.number)
      if (!poll.is_lost(t, random_)) batch.push_back(meters_.at(i).read(load_, t, wall_offset_s_, random_));
  }
  for (std::size_t i = 0; i < accelerators_.size(); ++i) {
    Poll& poll = accelerator_polls_.at(i);
    for (double t = 0; (t = accelerator_times_.of(poll.number) + 0.002 * static_cast<double>(i)) < now - 0.06;
         ++poll.number)
      if (!poll.is_lost(t, random_))
        batch.push_back(accelerators_.at(i).read(load_, t, wall_offset_s_, random_));
  }
  return batch;
}

bool Rack::has_work(double from, double to) const {
  return accelerators_.front().work(load_, from, to) > 1e-6 * load_.joules(from, to);
}

Outcome Rack::judge(const ReadingSet& figures, std::size_t length, bool is_closed) const {
  const double end = static_cast<double>(figures.time.monotonic_us - moment_at(0, 0).monotonic_us) * 1e-6;
  const double begin = end - window_lengths_s.at(length);
  double work = 0;
  for (const Accelerator& one : accelerators_) work += one.work(load_, begin, end);
  const double value = value_of(figures, Q::joules_per_flop);
  Outcome outcome{length, is_closed, is_known(value), value_of(figures, Q::uncertainty), 0};
  if (outcome.has_figure) outcome.error = value / (load_.joules(begin, end) / work) - 1;
  return outcome;
}

void Rack::add_outcome(const ReadingSet& figures, std::size_t length, bool is_closed,
                       std::vector<Outcome>& outcomes) const {
  const double end = static_cast<double>(figures.time.monotonic_us - moment_at(0, 0).monotonic_us) * 1e-6;
  if (has_work(end - window_lengths_s.at(length), end)) outcomes.push_back(judge(figures, length, is_closed));
}

std::vector<Outcome> Rack::run() {
  flopwatt::accounting::Accounting accounting(settings(), {}, moment_at(0, wall_offset_s_));
  std::vector<int> looks;  // the second at whose end the trailing window of each length is looked at
  for (std::size_t i = 0; i < lengths(); ++i)
    looks.push_back(
        random_.whole(window_lengths_s.at(i) + static_cast<int>(warm_up_s), static_cast<int>(end_s_) - 1));
  std::vector<Outcome> outcomes;
  std::vector<std::vector<ReadingSet>> closed(lengths());
  for (int second = 1; second < static_cast<int>(end_s_); ++second) {
    const Moment now = moment_at(second, wall_offset_s_);
    for (ReadingSet& set : accounting.advance(batch_until(second), now)) {
      const auto length = static_cast<std::size_t>(set.source->name.back() - '0');
      if (set.time.monotonic_us >= moment_at(window_lengths_s.at(length) + warm_up_s, 0).monotonic_us)
        closed.at(length).push_back(std::move(set));
    }
    for (std::size_t i = 0; i < lengths(); ++i) {
      if (looks.at(i) != second) continue;
      const auto figures = accounting.figures(now);
      // A scope whose source is out has no windows.
      if (figures.at(0).windows.size() > i)
        add_outcome(figures.at(0).windows.at(i).figures, i, false, outcomes);
      else
        outcomes.push_back({.length = i});
    }
  }
  for (std::size_t i = 0; i < lengths(); ++i) {
    if (closed.at(i).empty()) continue;
    const int chosen = random_.whole(0, static_cast<int>(closed.at(i).size()) - 1);
    add_outcome(closed.at(i).at(static_cast<std::size_t>(chosen)), i, true, outcomes);
  }
  return outcomes;
}

}  // namespace

std::vector<Outcome> run_rack(const Cell& cell, const RackOptions& options, std::uint64_t seed) {
  return Rack(cell, options, seed).run();
}

}  // namespace flopwatt::monte_carlo
