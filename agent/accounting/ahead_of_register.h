// Energy that power has told while a register rested, and that the register may still tell: it is not to be counted
// twice.
#pragma once

#include <algorithm>

namespace flopwatt::accounting {

class AheadOfRegister {
 public:
  /// Power has told that energy, J.
  void lend(double joules) { joules_ += joules; }

  /// The register grows, J. Returns what of that has not been told.
  double settle(double growth) {
    const double told = std::min(joules_, growth);
    joules_ -= told;
    return growth - told;
  }

  /// What the register has not told yet.
  [[nodiscard]] double joules() const { return joules_; }

 private:
  double joules_ = 0;
};

}  // namespace flopwatt::accounting
