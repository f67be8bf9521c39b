#pragma once

namespace flopwatt::daemon {

/// A sum that does not lose small addends to a large total (Neumaier, "Rundungsfehleranalyse einiger
/// Verfahren zur Summation endlicher Summen", ZAMM 54, 1974). A day at 1e18 FLOP/s is 1e23, of which a double
/// resolves 1.7e7.
class Sum {
 public:
  /// What would take the sum beyond all doubles is left out: it could never be known again.
  void add(double value);
  [[nodiscard]] double value() const { return sum_ + lost_; }

 private:
  double sum_ = 0, lost_ = 0;
};

}  // namespace flopwatt::daemon
