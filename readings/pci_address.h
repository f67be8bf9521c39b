// The one form of a PCI address's text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flopwatt {

/// "0000:41:00.0" from any case, also from a domain of eight digits, as NVML writes it. A domain that needs
/// more than four digits keeps eight. nullopt: no PCI address.
[[nodiscard]] std::optional<std::string> normal_pci(std::string_view text);

}  // namespace flopwatt
