// Exit codes of the program.
#pragma once

namespace flopwatt {

enum ExitCode : int {
  exit_good = 0,
  exit_configuration = 1,  ///< configuration or command line wrong
  exit_device = 2,         ///< a device or the network failed
  exit_store = 3,          ///< the store cannot be used
};

}  // namespace flopwatt
