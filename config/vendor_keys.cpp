#include "config/vendor_keys.h"

#include <algorithm>

namespace flopwatt {

std::vector<std::string_view> vendor_names(std::span<const VendorKeys> supported) {
  std::vector<std::string_view> names = {"nvidia", "amd", "intel", "ascend", "gaudi"};
  for (const VendorKeys& vendor : supported)
    if (std::ranges::find(names, vendor.name) == names.end()) names.push_back(vendor.name);
  return names;
}

}  // namespace flopwatt
