// Where a command writes: the descriptor of standard output, in large pieces.
#pragma once

#include <string>

namespace flopwatt::commands {

/// Append to text(), then call flush_if_large(). What is left is written by flush().
class Output {
 public:
  /// Does not own the descriptor. SIGPIPE must be ignored, so that a reader that goes away is seen here.
  explicit Output(int descriptor) : descriptor_(descriptor) {}

  [[nodiscard]] std::string& text() { return text_; }

  /// False: nothing more is taken; what was appended is thrown away.
  bool flush_if_large();
  bool flush();

  [[nodiscard]] bool open() const { return open_; }
  /// Why it took no more; "" while it does, and where its reader has gone, which may have all it wanted
  /// (`head`).
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  int descriptor_;
  std::string text_;
  bool open_ = true;
  std::string fault_;
};

}  // namespace flopwatt::commands
