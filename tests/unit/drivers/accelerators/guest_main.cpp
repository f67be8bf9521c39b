// `guest smi nvidia --library=... --socket_fd=...` or `--listen=...`, without the rest of the program.
#include <string>
#include <string_view>

#include "drivers/accelerators/guest.h"
#include "drivers/accelerators/nvidia/vendor.h"

int main(int argc, char** argv) {
  constexpr std::string_view library = "--library=", socket = "--socket_fd=", interval = "--interval_ms=",
                             listen = "--listen=";
  flopwatt::accelerators::GuestOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with(library)) options.library = argument.substr(library.size());
    if (argument.starts_with(listen)) options.listen = argument.substr(listen.size());
    if (argument.starts_with(socket))
      options.socket_fd = std::stoi(std::string(argument.substr(socket.size())));
    if (argument.starts_with(interval))
      options.interval = std::chrono::milliseconds(std::stoi(std::string(argument.substr(interval.size()))));
  }
  return flopwatt::accelerators::run_guest(flopwatt::nvidia::vendor(), options);
}
