#include "agent/daemon/accelerator_numbers.h"

#include <algorithm>
#include <utility>

namespace flopwatt::daemon {
namespace {

/// Name of a total: "slot/<vendor>/<PCI address>".
constexpr std::string_view prefix = "slot/";
constexpr double most_slots = 1e6;  // beyond it a number in the file is none of ours

std::string key_of(std::string_view vendor, const std::string& pci) {
  return std::string(prefix) + std::string(vendor) + '/' + pci;
}

}  // namespace

AcceleratorNumbers::AcceleratorNumbers(const Totals& stored) {
  for (auto total = stored.lower_bound(std::string(prefix)); total != stored.end(); ++total) {
    const auto& [key, number] = *total;
    if (!key.starts_with(prefix)) break;
    const std::size_t slash = key.find('/', prefix.size());
    if (slash == std::string::npos || number < 0 || number > most_slots) continue;
    const std::string vendor = key.substr(prefix.size(), slash - prefix.size());
    numbers_[vendor][key.substr(slash + 1)] = static_cast<unsigned>(number);
  }
}

unsigned AcceleratorNumbers::number_of(std::string_view vendor, const std::string& pci) {
  auto of_vendor = numbers_.find(vendor);
  if (of_vendor == numbers_.end()) of_vendor = numbers_.try_emplace(std::string(vendor)).first;
  auto& slots = of_vendor->second;
  const auto known = slots.find(pci);
  if (known != slots.end()) return known->second;
  unsigned next = 0;
  for (const auto& [address, number] : slots) next = std::max(next, number + 1);
  slots.emplace(pci, next);
  changed_[key_of(vendor, pci)] = next;
  return next;
}

Totals AcceleratorNumbers::take_changed() { return std::exchange(changed_, {}); }

}  // namespace flopwatt::daemon
