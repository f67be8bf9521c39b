#include "agent/accounting/uncertainty.h"

#include <cmath>
#include <numbers>

#include "agent/accounting/time_span.h"

namespace flopwatt::accounting {
namespace {

constexpr double of_half_width = std::numbers::inv_sqrt3;

}  // namespace

void UncertaintyBudget::add_energy(const EnergyPart& part, double accuracy, double ct_accuracy) {
  energy_ += part.joules;
  class_ += part.joules * accuracy * of_half_width;
  ct_ += part.joules * ct_accuracy * of_half_width;
  energy_sampling_ += std::sqrt(part.sampling_variance);
  disagreement_ += part.disagreement * of_half_width;
  unseen_ += std::sqrt(part.unseen_variance);
  is_partly_unseen_ = is_partly_unseen_ || part.is_partly_unseen;
  step_variance_ += part.step_variance;
  energy_time_variance_ += part.time_variance;
}

void UncertaintyBudget::add_work(const WorkPart& part) {
  work_ += part.work;
  clock_ += std::sqrt(part.clock_variance);
  work_sampling_ += std::sqrt(part.sampling_variance);
  work_time_variance_ += part.time_variance;
  lumps_ += std::sqrt(part.lump_variance);
}

std::vector<UncertaintyTerm> UncertaintyBudget::terms(bool from_meters) const {
  std::vector<UncertaintyTerm> terms;
  if (from_meters) {
    terms.push_back({"meter class", class_ / energy_});
    terms.push_back({"CT class", ct_ / energy_});
  } else {
    terms.push_back({"device gain", class_ / energy_});
    if (is_partly_unseen_) terms.push_back({"sensor sees part of the time", unseen_ / energy_});
  }
  terms.push_back({"register step", std::sqrt(step_variance_) / energy_});
  terms.push_back({"time stamps", std::hypot(std::sqrt(energy_time_variance_) / energy_,
                                             std::sqrt(work_time_variance_) / work_)});
  terms.push_back({"sampling", std::hypot(energy_sampling_ / energy_, work_sampling_ / work_)});
  if (disagreement_ > 0) terms.push_back({"register against power", disagreement_ / energy_});
  terms.push_back({"clock", clock_ / work_});
  terms.push_back({"counting steps", lumps_ / work_});
  return terms;
}

double expanded(std::span<const UncertaintyTerm> terms) {
  double sum = 0;
  for (const UncertaintyTerm& term : terms) sum += square(term.relative);
  return 2 * std::sqrt(sum);
}

double time_stamp_variance(const ReadingSet& set) {
  return transaction_variance(set) + square(seconds(set.source->refresh.count())) / 12;
}

double transaction_variance(const ReadingSet& set) { return square(seconds(set.half_duration_us)) / 3; }

}  // namespace flopwatt::accounting
