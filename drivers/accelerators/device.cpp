#include "drivers/accelerators/device.h"

#include <algorithm>

namespace flopwatt::nvidia {

std::string normal_pci(std::string_view address) {
  std::string text(address);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  constexpr std::size_t wide = 8, narrow = 4;
  if (text.find(':') == wide && text.starts_with("0000")) text.erase(0, wide - narrow);
  return text;
}

}  // namespace flopwatt::nvidia
