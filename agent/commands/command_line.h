// The command line.
#pragma once

#include <span>

#include "drivers/accelerators/vendor.h"

namespace flopwatt::commands {

/// The program: main() with the vendors that it supports. Returns its exit code.
int run_command_line(int argc, char** argv, std::span<const accelerators::Vendor> vendors);

}  // namespace flopwatt::commands
