#include "readings/pci_address.h"

#include <algorithm>

namespace flopwatt {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

}  // namespace

std::optional<std::string> normal_pci(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != 4 && colon != 8) return std::nullopt;
  std::string domain(text.substr(0, colon));
  const std::string rest(text.substr(colon));  // ":41:00.0"
  if (rest.size() != 8 || rest[3] != ':' || rest[6] != '.') return std::nullopt;
  const bool digits =
      is_hex(domain) && is_hex(rest.substr(1, 2)) && is_hex(rest.substr(4, 2)) && is_hex(rest.substr(7));
  if (!digits) return std::nullopt;
  if (domain.size() == 8 && domain.starts_with("0000")) domain.erase(0, 4);
  std::string address = domain + rest;
  std::ranges::transform(address, address.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c | 0x20) : c; });
  return address;
}

}  // namespace flopwatt
