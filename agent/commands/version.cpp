#include <iostream>

#include "agent/commands/commands.h"
#include "runtime/exit_code.h"
#include "runtime/version.h"

namespace flopwatt::commands {

int print_version() {
  std::cout << "flopwatt " << version << " (revision " << revision << ")\n";
  return exit_good;
}

}  // namespace flopwatt::commands
