// Which number each accelerator has within its vendor: nvidia0, nvidia1, ... It is bound to the PCI address
// for good, in the store, so that over restarts a lost card's name is not given to another. Metering loop
// only.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "readings/totals.h"

namespace flopwatt::daemon {

class AcceleratorNumbers {
 public:
  /// `stored`: the totals of the store, in which the numbers are kept.
  explicit AcceleratorNumbers(const Totals& stored);

  /// The number of that address; one that was never seen gets the next of its vendor.
  [[nodiscard]] unsigned number_of(std::string_view vendor, const std::string& pci);

  /// What is new since the last call, to be stored.
  [[nodiscard]] Totals take_changed();

 private:
  /// By vendor, then by PCI address.
  std::map<std::string, std::map<std::string, unsigned>, std::less<>> numbers_;
  Totals changed_;
};

}  // namespace flopwatt::daemon
