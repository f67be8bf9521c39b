// The uncertainty of a window's joules per FLOP r = E/F, each term kept by name.
//
//   (u_r/r)^2 = (u_E/E)^2 + (u_F/F)^2
//   u_E^2 = (E g/sqrt3)^2 + (E ct/sqrt3)^2 + 2 (q/sqrt12)^2 + 2 (P u_t)^2 + u_int^2
//
// with g the meter's class, ct its current transformer's, q the register's step, u_t the time stamp's error,
// u_int what happens between readings (GUM forms: a bound +-a with nothing else known is a/sqrt3, a step q is
// q/sqrt12; the expanded uncertainty is k=2). What belongs to which term:
//
//   meter class   g/sqrt3 of each meter, added linearly weighted by energy: meters of one make and class err
//   alike CT class      ct/sqrt3, the same way device gain   where devices give the energy: their sensors'
//   half-width (0.05: NVML, uncalibrated)/sqrt3, linear register step q of the energy register at both ends
//   of every covered stretch, or the step of the power register
//                 over the duration where power was integrated; independent from source to source
//   time stamps   half the transaction's duration /sqrt3 and the device's refresh /sqrt12 at both ends of
//   every
//                 stretch, times mean power, for energy; the same with the mean rate for work; independent
//   sampling      one load step per interval at an unknown moment: (dP dt)^2/12 where power was integrated,
//   and the
//                 cut of an interval in two where a window begins or ends inside it, for energy and for work;
//                 linear over sources, since they carry the same load
//   clock         half-width of the work from clocks that moved between samples /sqrt3, linear
//   counting steps  where work is counted: its lumps (counted_work.h) at both ends of every stretch, linear
//   over
//                 sources: the ranks of one job end their steps together
//
// The bounds over precisions (joules_per_flop_low, _high) are no uncertainty and not in here.
#pragma once

#include <span>
#include <vector>

#include "agent/accounting/energy.h"
#include "agent/accounting/work.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// Collects the parts of a window, then tells the terms.
class UncertaintyBudget {
 public:
  /// Half-widths are relative: Source::accuracy and Source::ct_accuracy.
  void add_energy(const EnergyPart& part, double accuracy, double ct_accuracy);
  void add_work(const WorkPart& part);

  /// Relative standard uncertainties (k=1) of E/F. Energy and work must be positive.
  [[nodiscard]] std::vector<UncertaintyTerm> terms(bool from_meters) const;

 private:
  double energy_ = 0, work_ = 0;
  // Correlated: sums of standard uncertainties, J or FLOP.
  double class_ = 0, ct_ = 0, energy_sampling_ = 0, work_sampling_ = 0, clock_ = 0, lumps_ = 0;
  // Independent: sums of variances.
  double step_variance_ = 0, energy_time_variance_ = 0, work_time_variance_ = 0;
};

/// Expanded (k=2).
[[nodiscard]] double expanded(std::span<const UncertaintyTerm> terms);

/// Variance of a set's time stamp in s^2: half_duration/sqrt3 and refresh/sqrt12.
[[nodiscard]] double time_stamp_variance(const ReadingSet& set);

}  // namespace flopwatt::accounting
