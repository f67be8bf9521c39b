// Dense FLOP rates of accelerators, from config/accelerators.yml (facts: method 1.4 and 1.5).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flopwatt {

/// Numbers of an architecture by name, as its vendor's section of the table has them. A number that is not
/// there does not exist in the architecture.
using Rates = std::map<std::string, double, std::less<>>;

/// A product's dense peak rates in FLOP/s by precision name ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8").
struct Product {
  std::string name;        ///< as people call it
  std::string name_match;  ///< glob over the name that the library reports
  std::map<std::string, double> peak_flop_per_second;

  bool operator==(const Product&) const = default;
};

/// One vendor's section.
struct VendorTable {
  std::map<std::string, Rates, std::less<>> rates;  ///< by architecture
  std::vector<Product> products;                    ///< first match wins

  /// nullptr: not known.
  [[nodiscard]] const Rates* rates_of(std::string_view architecture) const;
  [[nodiscard]] const Product* product(const std::string& reported_name) const;
  bool operator==(const VendorTable&) const = default;
};

/// By vendor.
using AcceleratorTable = std::map<std::string, VendorTable, std::less<>>;

}  // namespace flopwatt
