// The accelerators of one vendor that were seen under the present configuration, and which of the guest's
// devices each of them is. A name belongs to a PCI address: a lost card's name is not given to another, a
// replaced card keeps it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "drivers/accelerators/accelerator.h"
#include "drivers/accelerators/messages.h"
#include "drivers/driver.h"
#include "runtime/schedule.h"

namespace flopwatt::accelerators {

/// When a poll was due and when it began.
struct Beat {
  SteadyTime due;
  SteadyTime begun;

  [[nodiscard]] std::chrono::microseconds lateness() const;
};

/// The number of a PCI address among the accelerators of the vendor. An address that was never seen gets the
/// next number and keeps that number.
using NumberOf = std::function<unsigned(const std::string& pci)>;

class Fleet {
 public:
  /// `vendor` and `energies` must outlive it.
  Fleet(const Vendor& vendor, AcceleratorConfig config, std::vector<NameOverride> names, VendorTable table,
        NumberOf number_of, IntegratedEnergies& energies);
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  /// A guest has told its devices: adds new sources, describes replaced ones.
  void bind(const Hello& hello, Intake& intake);
  /// Names of accelerators that are found from now on. False, and nothing changes, where one that was seen
  /// has another name by them.
  bool take_names(const std::vector<NameOverride>& names);
  /// Removes every source from `intake`, as when the vendor is switched off.
  void remove_sources(Intake& intake);

  void begin_poll();
  /// A device of the last hello has answered.
  void answer(const DeviceMessage& message, const Beat& beat, Intake& intake);
  /// The poll is over: sources that have not answered fail with `fault`.
  void fail_the_rest(const Fault& fault, const Beat& beat, Intake& intake);
  void skip(std::uint64_t beats, Intake& intake);
  /// The answer to Driver::why_absent() for a source of this fleet; "" for any other source.
  [[nodiscard]] std::string why_absent(SourceId id, Channel channel) const;

 private:
  struct Member {
    SourceId id = 0;
    Accelerator accelerator;
    std::string pci;
    bool answered = false;
  };

  [[nodiscard]] std::string name_for(const std::string& pci, const std::vector<NameOverride>& names) const;
  Member& find_or_add(const DeviceIdentity& identity, bool& is_new);

  const Vendor& vendor_;
  AcceleratorConfig config_;
  VendorTable table_;
  std::vector<NameOverride> names_;
  NumberOf number_of_;
  IntegratedEnergies& energies_;
  std::deque<Member> members_;      ///< never shrinks; addresses stay
  std::vector<Member*> by_device_;  ///< by the index in the last hello
};

}  // namespace flopwatt::accelerators
