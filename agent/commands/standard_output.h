// std::cout as the commands use it, but for one thing: whether all of it could be written is known at the
// end.
#pragma once

#include <streambuf>

#include "agent/commands/export/output.h"

namespace flopwatt::commands {

/// Takes what is written to std::cout for as long as it lives.
class StandardOutput final : public std::streambuf {
 public:
  StandardOutput();
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  /// Writes what is left. Returns the exit code of the program: the command's, or exit_device where it had
  /// been good and its output is not all there, which is then told on standard error.
  [[nodiscard]] int finish(int exit_code);

 private:
  int_type overflow(int_type byte) override;
  std::streamsize xsputn(const char* text, std::streamsize length) override;
  int sync() override;

  Output out_;
  std::streambuf* before_;
};

}  // namespace flopwatt::commands
