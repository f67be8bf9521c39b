#include "config/profiles/put_register.h"

#include <algorithm>
#include <utility>

namespace flopwatt {

void put_register(std::vector<Register>& registers, Register own) {
  const auto same = std::ranges::find(registers, own.channel, &Register::channel);
  if (same == registers.end())
    registers.push_back(std::move(own));
  else
    *same = std::move(own);
}

}  // namespace flopwatt
