// The agent with the vendors that it ships, and those of the folders here.
#include <vector>

#include "agent/commands/command_line.h"
#include "drivers/accelerators/vendors.h"
#include "tests/vendors/example/vendor.h"

int main(int argc, char** argv) {
  const auto shipped = flopwatt::accelerators::all_vendors();
  std::vector<flopwatt::accelerators::Vendor> vendors(shipped.begin(), shipped.end());
  vendors.push_back(flopwatt::example::vendor());
  return flopwatt::commands::run_command_line(argc, argv, vendors);
}
