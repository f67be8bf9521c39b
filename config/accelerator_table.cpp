#include "config/accelerator_table.h"

#include <algorithm>

#include "config/glob.h"

namespace flopwatt {

const SmRates* AcceleratorTable::rates(int major, int minor) const {
  const auto found = nvidia_rates.find(std::to_string(major) + "." + std::to_string(minor));
  return found == nvidia_rates.end() ? nullptr : &found->second;
}

const Product* AcceleratorTable::product(const std::string& reported_name) const {
  const auto found = std::ranges::find_if(
      nvidia_products, [&](const Product& one) { return matches_glob(one.name_match, reported_name); });
  return found == nvidia_products.end() ? nullptr : &*found;
}

}  // namespace flopwatt
