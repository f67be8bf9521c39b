// Output of a command: writes to the descriptor of standard output, in large pieces.
#pragma once

#include <string>

namespace flopwatt::commands {

/// Append to text(), then call flush_if_large(); at the end call flush().
class Output {
 public:
  /// Does not own the descriptor. SIGPIPE must be ignored, so that write() reports a reader that goes away.
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  [[nodiscard]] std::string& text() { return text_; }

  /// False: the output is closed, and appended text is discarded.
  bool flush_if_large();
  bool flush();

  [[nodiscard]] bool open() const { return open_; }
  /// The reason for a closed output. "": open, or closed by its reader (`head`), which is no fault.
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  int descriptor_;
  std::string text_;
  bool open_ = true;
  std::string fault_;
};

}  // namespace flopwatt::commands
