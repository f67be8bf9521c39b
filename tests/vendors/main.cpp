// The agent with the vendors that it ships, and those of the folders here.
#include <vector>

#include "agent/commands/command_line.h"
#include "drivers/accelerators/vendors.h"

int main(int argc, char** argv) {
  const auto shipped = flopwatt::accelerators::all_vendors();
  std::vector<flopwatt::accelerators::Vendor> vendors(shipped.begin(), shipped.end());
  return flopwatt::commands::run_command_line(argc, argv, vendors);
}
