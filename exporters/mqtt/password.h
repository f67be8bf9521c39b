// The broker's password, from a file that may be rotated.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "readings/result.h"
#include "runtime/async.h"

namespace flopwatt::mqtt {

/// The content without the line end that editors leave. At most 64 KiB, as MQTT allows. Waits for no other end
/// of a pipe: what is no regular file is a fault. A file system that hangs blocks it: see PasswordFile.
[[nodiscard]] Result<std::string> read_password(const std::filesystem::path& file);

/// Reads one file as often as it is asked, on a thread of its own. One loop, one call at a time.
class PasswordFile {
 public:
  explicit PasswordFile(std::filesystem::path file) : file_(std::move(file)) {}

  /// As read_password(). A file that does not answer within 5 s is a fault; then the next call takes what that
  /// reading tells, so that there is never more than one thread for each PasswordFile.
  [[nodiscard]] awaitable<Result<std::string>> read();

 private:
  struct Reading;

  std::filesystem::path file_;
  std::shared_ptr<const Reading> reading_;  // null while none runs
};

}  // namespace flopwatt::mqtt
