// Replaces the buffer of std::cout, so that at the end the program knows whether all output was written.
#pragma once

#include <streambuf>

#include "agent/commands/export/output.h"

namespace flopwatt::commands {

/// Buffer of std::cout for the lifetime of the object.
class StandardOutput final : public std::streambuf {
 public:
  StandardOutput();
  ~StandardOutput() override;
  StandardOutput(const StandardOutput&) = delete;
  StandardOutput& operator=(const StandardOutput&) = delete;

  /// Writes the rest. Returns the exit code of the program: the command's, or exit_device if that was good
  /// and some output could not be written. Reports such a failure on standard error.
  [[nodiscard]] int finish(int exit_code);

 private:
  int_type overflow(int_type byte) override;
  std::streamsize xsputn(const char* text, std::streamsize length) override;
  int sync() override;

  Output out_;
  std::streambuf* before_;
};

}  // namespace flopwatt::commands
