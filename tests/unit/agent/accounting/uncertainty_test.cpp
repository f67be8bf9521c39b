#include "agent/accounting/uncertainty.h"

#include <doctest/doctest.h>

#include "tests/unit/agent/accounting/model.h"

using namespace flopwatt;
using namespace flopwatt::accounting;

namespace {

double term(const std::vector<UncertaintyTerm>& terms, const std::string& name) {
  for (const UncertaintyTerm& one : terms)
    if (one.name == name) return one.relative;
  return absent;
}

EnergyPart part(double joules, double step = 0, double time = 0, double sampling = 0) {
  return {joules, step, time, sampling};
}
WorkPart exact_work() { return {1e15, 1e15, 1e15, 0, 0, 0}; }

}  // namespace

TEST_CASE("the worked example: 0.5S with 0.5 CT, 10 kW, 900 s, 1 Wh") {
  UncertaintyBudget budget;
  budget.add_energy(part(9e6, 2 * 3600.0 * 3600.0 / 12), 0.005, 0.005);
  budget.add_work(exact_work());
  const auto terms = budget.terms(true);
  CHECK(term(terms, "meter class") == doctest::Approx(0.0029).epsilon(0.01));
  CHECK(term(terms, "CT class") == doctest::Approx(0.0029).epsilon(0.01));
  CHECK(term(terms, "register step") == doctest::Approx(0.00016).epsilon(0.03));
  CHECK(expanded(terms) == doctest::Approx(0.0082).epsilon(0.01));
}

TEST_CASE("an uncalibrated NVML sensor: 5.8 %") {
  UncertaintyBudget budget;
  for (int i = 0; i < 8; ++i) budget.add_energy(part(1e6), 0.05, 0);
  budget.add_work(exact_work());
  const auto terms = budget.terms(false);
  CHECK(term(terms, "device gain") == doctest::Approx(0.0289).epsilon(0.01));
  CHECK(expanded(terms) == doctest::Approx(0.058).epsilon(0.01));
  CHECK_FALSE(is_known(term(terms, "meter class")));
}

TEST_CASE("a sensor that sees part of the time says so, also where nothing moved") {
  UncertaintyBudget budget;
  EnergyPart energy = part(1000);
  energy.is_partly_unseen = true;
  for (const double variance : {0.0, 400.0}) {
    energy.unseen_variance = variance;
    budget.add_energy(energy, 0.05, 0);
  }
  budget.add_work(exact_work());
  CHECK(term(budget.terms(false), "sensor sees part of the time") == doctest::Approx(20.0 / 2000));
  UncertaintyBudget of_others;
  of_others.add_energy(part(1000), 0.05, 0);
  of_others.add_work(exact_work());
  CHECK_FALSE(is_known(term(of_others.terms(false), "sensor sees part of the time")));
}

TEST_CASE("what is alike adds linearly, what is independent in squares") {
  UncertaintyBudget budget;
  for (int i = 0; i < 4; ++i) {
    budget.add_energy(part(1000, 100, 400, 900), 0.01, 0.02);
    budget.add_work({250, 200, 300, 100, 25, 16});
  }
  const auto terms = budget.terms(true);
  CHECK(term(terms, "meter class") == doctest::Approx(0.01 / std::sqrt(3)));
  CHECK(term(terms, "CT class") == doctest::Approx(0.02 / std::sqrt(3)));
  CHECK(term(terms, "register step") == doctest::Approx(20.0 / 4000));
  CHECK(term(terms, "time stamps") == doctest::Approx(std::hypot(40.0 / 4000, 10.0 / 1000)));
  CHECK(term(terms, "sampling") == doctest::Approx(std::hypot(4 * 30.0 / 4000, 4 * 4.0 / 1000)));
  CHECK(term(terms, "clock") == doctest::Approx(4 * 10 / 1000.0));
}

TEST_CASE("a time stamp errs by half the transaction and by the device's refresh") {
  const auto source = model::gpu("nvidia0");
  ReadingSet set{source, {}, 30'000, {}};
  CHECK(time_stamp_variance(set) == doctest::Approx(0.03 * 0.03 / 3 + 0.1 * 0.1 / 12));
  CHECK(transaction_variance(set) == doctest::Approx(0.03 * 0.03 / 3));
}
