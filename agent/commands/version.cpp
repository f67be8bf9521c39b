#include <iostream>

#include "agent/commands/commands.h"
#include "agent/daemon/exit_code.h"
#include "runtime/version.h"

namespace flopwatt::agent {

int print_version() {
  std::cout << "flopwatt " << version << " (revision " << revision << ")\n";
  return exit_good;
}

}  // namespace flopwatt::agent
