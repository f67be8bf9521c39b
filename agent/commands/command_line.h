// The command line.
#pragma once

namespace flopwatt::commands {

/// The program. Returns its exit code.
int run_command_line(int argc, char** argv);

}  // namespace flopwatt::commands
