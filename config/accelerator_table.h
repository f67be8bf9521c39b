// Dense FLOP rates of accelerators, from config/accelerators.yml (facts: method 1.4 and 1.5).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace flopwatt {

/// FLOP per clock per SM, dense, FMA = 2. 0 where the architecture has none.
struct SmRates {
  double fp64 = 0, fp64_tensor = 0, fp32 = 0, fp16 = 0, tf32_tensor = 0, fp16_tensor = 0, bf16_tensor = 0,
         fp8_tensor = 0;
  int fp32_lanes = 0;  ///< CUDA cores of one SM: SM count = cores / lanes

  bool operator==(const SmRates&) const = default;
};

/// A product's dense peak rates in FLOP/s by precision name ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8").
struct Product {
  std::string name;        ///< as people call it
  std::string name_match;  ///< glob over the name that the library reports
  std::map<std::string, double> peak_flop_per_second;

  bool operator==(const Product&) const = default;
};

struct AcceleratorTable {
  std::map<std::string, SmRates> nvidia_rates;  ///< by compute capability, "9.0"
  std::vector<Product> nvidia_products;         ///< first match wins

  [[nodiscard]] const SmRates* rates(int major, int minor) const;
  [[nodiscard]] const Product* product(const std::string& reported_name) const;
  bool operator==(const AcceleratorTable&) const = default;
};

}  // namespace flopwatt
