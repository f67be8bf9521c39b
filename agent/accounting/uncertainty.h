// The uncertainty of a window's joules per FLOP r = E/F, by named terms.
//
//   (u_r/r)^2 = (u_E/E)^2 + (u_F/F)^2
//   u_E^2 = (E g/sqrt3)^2 + (E ct/sqrt3)^2 + 2 (q/sqrt12)^2 + 2 (P u_t)^2 + u_int^2
//
// with g the class of the meter, ct the class of its current transformers, q the step of the register, u_t
// the error of the time stamp, u_int the unknown course between readings. GUM forms: a bound +-a with nothing
// else known is a/sqrt3, a step q is q/sqrt12; the expanded uncertainty is k=2. "Linear" terms of several
// sources are added as they are, because the sources err alike; "independent" terms are added as squares.
//
//   meter class     g/sqrt3 of each meter, weighted by energy. Linear: meters of a kind err alike.
//   CT class        ct/sqrt3, in the same way.
//   device gain     Where devices give the energy: half-width of their sensors (0.05: NVML, uncalibrated)
//                   over sqrt3. Linear.
//   register step   q of the energy register at both ends of every covered stretch; where power was
//                   integrated, the step of the power register over the duration. Independent.
//   sensor sees part of the time
//                   Where devices give the energy, and their sensor looks at the load for a part of each period
//                   only (energy.h). Linear: the sources carry the same load.
//   time stamps     Half the transaction's duration /sqrt3 and the device's refresh /sqrt12 at both ends of
//                   every stretch; times mean power for energy of a register, times mean rate for work.
//                   Independent. Where power is integrated they shift its steps only: part of sampling.
//   sampling        Where power was integrated: steps between two readings at an unknown moment, loads that
//                   go to and fro between them, values that were not refreshed (power_integral.h), and what
//                   the register tells more (register_agreement.h). And the cut of an interval where a
//                   window begins or ends inside it, for energy and for work. Linear: the sources carry the
//                   same load.
//   clock           Half-width of the work from clocks that moved between samples /sqrt3, where the device does
//                   not count its cycles. Of the samples of a source nine tenths of the errors are independent;
//                   one tenth is common, of loads in step with the polls. Linear over sources: they carry the
//                   same load.
//   register against power
//                   By how much power tells another energy than the register (register_agreement.h). Linear.
//   counting steps  Where work is counted: its lumps (counted_work.h) at both ends of every stretch. Linear:
//                   the ranks of one job end their steps together.
//
// The bounds over precisions (joules_per_flop_low, _high) are no uncertainty and not included.
#pragma once

#include <span>
#include <vector>

#include "agent/accounting/energy.h"
#include "agent/accounting/work.h"
#include "readings/scope_figures.h"

namespace flopwatt::accounting {

/// Collects the parts of a window, then gives the terms.
class UncertaintyBudget {
 public:
  /// Half-widths are relative: Source::accuracy and Source::ct_accuracy.
  void add_energy(const EnergyPart& part, double accuracy, double ct_accuracy);
  void add_work(const WorkPart& part);

  /// Relative standard uncertainties (k=1) of E/F. Energy and work must be positive.
  [[nodiscard]] std::vector<UncertaintyTerm> terms(bool from_meters) const;

 private:
  double energy_ = 0, work_ = 0;
  bool is_partly_unseen_ = false;
  // Correlated: sums of standard uncertainties, J or FLOP.
  double class_ = 0, ct_ = 0, energy_sampling_ = 0, disagreement_ = 0, unseen_ = 0, work_sampling_ = 0,
         clock_ = 0, lumps_ = 0;
  // Independent: sums of variances.
  double step_variance_ = 0, energy_time_variance_ = 0, work_time_variance_ = 0;
};

/// Expanded (k=2).
[[nodiscard]] double expanded(std::span<const UncertaintyTerm> terms);

/// Variance of a set's time stamp in s^2: half_duration/sqrt3 and refresh/sqrt12.
[[nodiscard]] double time_stamp_variance(const ReadingSet& set);
/// The part of it that the transaction has: half_duration/sqrt3.
[[nodiscard]] double transaction_variance(const ReadingSet& set);

}  // namespace flopwatt::accounting
