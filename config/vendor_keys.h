// What the configuration and the table of accelerators ask about a vendor. The program's table of vendors
// (drivers/accelerators/vendors.cpp) has these for each vendor that it supports, and hands them to the
// loader.
#pragma once

#include <chrono>
#include <span>
#include <string_view>
#include <vector>

namespace flopwatt {

/// One number of an architecture in the table of accelerators.
struct RateKey {
  std::string_view name;
  double least = 0, most = 1e6;
  bool required = false;
};

/// The rates of a vendor's architectures in the table of accelerators. Without `key` there are none.
struct RateKeys {
  std::string_view key;           ///< "flop_per_clock_per_sm"
  std::string_view architecture;  ///< what its entries are called: "compute capability"
  std::string_view pattern;       ///< glob over their names: "[0-9]*.[0-9]"
  std::string_view example;       ///< "9.0"
  std::span<const RateKey> rates;
};

struct VendorKeys {
  std::string_view name;  ///< "nvidia": its section of both files; its devices are named nvidia0, nvidia1 ...
  std::string_view title;    ///< "NVIDIA"
  std::string_view library;  ///< default of `library`, as the dynamic linker finds it
  /// Bound of `interval`.
  std::chrono::microseconds shortest_interval;
  std::string_view why_no_shorter;  ///< "their counters need ..."
  RateKeys rates{};
};

/// Names of vendors: those of CONTRACT, which are reserved whether they are supported or not, and those of
/// `supported` besides.
[[nodiscard]] std::vector<std::string_view> vendor_names(std::span<const VendorKeys> supported);

}  // namespace flopwatt
