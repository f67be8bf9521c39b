#include "config/accelerator_table.h"

#include <algorithm>

#include "config/glob.h"

namespace flopwatt {

const Rates* VendorTable::rates_of(std::string_view architecture) const {
  const auto found = rates.find(architecture);
  return found == rates.end() ? nullptr : &found->second;
}

const Product* VendorTable::product(const std::string& reported_name) const {
  const auto found = std::ranges::find_if(
      products, [&](const Product& one) { return matches_glob(one.name_match, reported_name); });
  return found == products.end() ? nullptr : &*found;
}

}  // namespace flopwatt
