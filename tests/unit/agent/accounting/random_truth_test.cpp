// Random sites against their truth: at every level and by every method what is published lies
// within what is stated.
#include <doctest/doctest.h>

#include <array>
#include <numeric>

#include "tests/unit/agent/accounting/rack.h"
#include "tests/unit/agent/accounting/site.h"

using namespace flopwatt;
using namespace flopwatt::accounting;
using namespace flopwatt::accounting::model;
using Work = ScopeConfig::Work;

namespace {

Load random_load(std::mt19937& random) {
  const auto between = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  const double low = between(200, 2000);
  if (random() % 2 == 0) return sinusoid(low + 2500, between(0, 2000), between(5, 300));
  return steps(low, low + between(500, 6000), between(8, 120), between(0.2, 0.8), between(0, 100));
}

Site random_site(std::mt19937& random) {
  const MeterShape perfect{.accuracy = 0, .ct_accuracy = 0};
  Site site;
  for (int i = 0; i < 3; ++i) {
    Server server{random_load(random), std::uniform_real_distribution<double>(0.3, 0.9)(random), {}};
    for (int g = 0; g < 2; ++g) {
      const std::string number = std::to_string(2 * i + g);
      server.gpus.push_back(gpu("nvidia" + number, "GPU-" + number));
    }
    site.servers.push_back(std::move(server));
  }
  site.main = meter("main", perfect);
  site.pdu_a = pdu("pdu-a", 3, perfect);
  site.pdu_b = pdu("pdu-b", 3, perfect);
  site.jitter = 0.05;
  site.random.seed(static_cast<unsigned>(random()));
  site.offers = {random() % 3 == 0, random() % 2 == 0, true};
  return site;
}

Method best(const Offers& offers) {
  return offers.counted ? Method::counted : offers.pipe ? Method::pipe : Method::estimated;
}

std::vector<ScopeConfig> levels() {
  std::vector<ScopeConfig> scopes;
  for (int i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i + 1);
    scopes.push_back(scope("s" + n, {"pdu-a/" + n, "pdu-b/" + n}, Work::listed,
                           {"nvidia" + std::to_string(2 * i), "nvidia" + std::to_string(2 * i + 1)}));
  }
  scopes.push_back(nested(scope("servers", {}, Work::none), {"s1", "s2", "s3"}));
  scopes.push_back(nested(scope("rack", {"pdu-a", "pdu-b"}, Work::none), {"servers"}));
  scopes.push_back(nested(scope("facility", {"main"}, Work::none), {"rack"}));
  return scopes;
}

struct Truth {
  double energy = 0, work = 0;
};

Truth truth_of(const Site& site, std::size_t level, double from, double to) {
  Truth truth;
  for (std::size_t i = 0; i < 3; ++i) {
    if (level < 3 && level != i) continue;
    truth.energy += site.server_energy(i, from, to);
    truth.work += told_share(best(site.offers)) * site.work(i, from, to);
  }
  if (level == 4) truth.energy = site.rack_energy(from, to);
  if (level == 5) truth.energy = site.pue * site.rack_energy(from, to);
  return truth;
}

}  // namespace

TEST_CASE("random sites: J/FLOP of every level lies within what is stated, totals are the truth") {
  std::mt19937 random(20260);
  int within = 0;
  int all = 0;
  for (int trial = 0; trial < 12; ++trial) {
    CAPTURE(trial);
    Site site = random_site(random);
    Accounting accounting(settings(levels(), {window("20s", 20), window("2m", 120)}), {}, at(0));
    site.run(accounting, 0, 125);
    for (int s = 125; s < 300; ++s) {
      site.second(accounting, s);
      const auto figures = accounting.figures(at(s + 0.99));
      for (std::size_t level = 0; level < figures.size(); ++level) {
        for (const WindowFigures& one : figures[level].windows) {
          CAPTURE(one.figures.source->name);
          CAPTURE(s);
          const double length = static_cast<double>(one.figures.source->interval.count()) * 1e-6;
          const double end = second_of(one.figures);
          const Truth truth = truth_of(site, level, end - length, end);
          REQUIRE(value(one.figures, Q::coverage) == 1);
          REQUIRE(one.method == best(site.offers));
          ++all;
          within += std::abs(value(one.figures, Q::joules_per_flop) / (truth.energy / truth.work) - 1) <=
                    value(one.figures, Q::uncertainty);
        }
      }
    }
    // The levels add up: of work and of the devices' energy exactly, of branches to their registers' steps.
    const auto figures = accounting.figures(at(299.99));
    const auto sum_of_servers = [&](Quantity quantity) {
      return std::accumulate(
          figures.begin(), figures.begin() + 3, 0.0,
          [&](double sum, const ScopeFigures& one) { return sum + value(one.figures, quantity); });
    };
    const double servers_work =
        std::accumulate(figures.begin(), figures.begin() + 3, 0.0,
                        [](double sum, const ScopeFigures& one) { return sum + work_total(one); });
    for (std::size_t level = 3; level < 6; ++level) {
      CHECK(work_total(figures[level]) == doctest::Approx(servers_work).epsilon(1e-9));
      CHECK(value(figures[level].figures, Q::device_energy) ==
            doctest::Approx(sum_of_servers(Q::device_energy)).epsilon(1e-9));
      const double energy = truth_of(site, level, 0.3, 299.3).energy;
      CHECK(std::abs(value(figures[level].figures, Q::energy) - energy) < 6 * 3600 + 0.05 * 30'000);
    }
    CHECK(value(figures[3].figures, Q::energy) == doctest::Approx(sum_of_servers(Q::energy)).epsilon(1e-9));
    CHECK(work_total(figures[4]) == doctest::Approx(truth_of(site, 4, 0.025, 299.025).work).epsilon(0.002));
  }
  CHECK(all == 12 * 175 * 6 * 2);
  CHECK(within >= 0.95 * all);
}

TEST_CASE("random changes of what is offered: each method tells its own work, and none more than was done") {
  std::mt19937 random(7);
  for (int trial = 0; trial < 20; ++trial) {
    CAPTURE(trial);
    Rack rack;
    rack.meters = {meter("pdu-a")};
    rack.gpus = {gpu("nvidia0"), gpu("nvidia1", "GPU-2")};
    // Each offers pipe and an estimate in stretches of random length; the estimate never ceases.
    std::array<std::vector<bool>, 2> has_pipe;
    for (auto& pipe : has_pipe)
      while (pipe.size() < 600) pipe.insert(pipe.end(), 10 + random() % 90, random() % 2 == 0);
    rack.offers = [&](const std::string& name, double t) {
      return Offers{false, has_pipe[name == "nvidia0" ? 0 : 1][static_cast<std::size_t>(t)], true};
    };
    Accounting accounting(settings({scope("r", {"pdu-a"}, Work::all)}, {window("30s", 30)}), {}, at(0));
    Totals totals;
    for (int s = 0; s < 600; ++s) {
      rack.second(accounting, s);
      for (const auto& [key, total] : accounting.take_changed_totals()) totals[key] = total;
      const ScopeFigures figures = accounting.figures(at(s + 0.99))[0];
      for (const WindowFigures& one : figures.windows) {
        const double end = second_of(one.figures);
        if (!is_known(value(one.figures, Q::joules_per_flop))) continue;
        CHECK(value(one.figures, Q::work) ==
              doctest::Approx(value(one.figures, Q::coverage) * rack.work_by(one.method, end - 30, end)));
      }
    }
    CHECK(totals["scope/r/work_pipe_flop"] < rack.work_by(Method::pipe, 0, 599));
    CHECK(totals["scope/r/work_estimated_flop"] == doctest::Approx(rack.work_by(Method::estimated, 0, 599)));
  }
}
