#include "agent/commands/command_line.h"
#include "drivers/accelerators/vendors.h"

int main(int argc, char** argv) {
  return flopwatt::commands::run_command_line(argc, argv, flopwatt::accelerators::all_vendors());
}
