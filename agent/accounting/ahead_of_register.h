// Energy that power has told while a register rested, and that the register may still tell: it is not to be counted
// twice.
#pragma once

#include <algorithm>

namespace flopwatt::accounting {

class AheadOfRegister {
 public:
  /// Power has told that energy, J.
  void lend(double joules) { joules_ += joules; }

  /// The register grows, J. Returns what of that has not been told. A register that grows by far less than power told
  /// has lost that energy: it will not tell it any more.
  double settle(double growth) {
    if (growth <= 0 || joules_ <= 0) return growth;
    const double told = joules_ <= 2 * growth ? std::min(joules_, growth) : 0;
    joules_ = told > 0 ? joules_ - told : 0;
    return growth - told;
  }

  /// What the register has not told yet.
  [[nodiscard]] double joules() const { return joules_; }

 private:
  double joules_ = 0;
};

}  // namespace flopwatt::accounting
