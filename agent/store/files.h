// The store's files: the lock that keeps a second agent out, durable creation, setting aside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "readings/result.h"

namespace flopwatt::store {

/// Holds <path>.lock while it lives. The file stays: removed, two agents could hold two of one name.
class LockFile {
 public:
  /// Fails at once where another process holds it, and says which.
  [[nodiscard]] static Result<LockFile> take(const std::filesystem::path& store);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Refuses what is there under the name of the store and never was one: a directory, another program's file.
/// It would be set aside as a damaged store otherwise.
[[nodiscard]] Result<Done> refuse_other_files(const std::filesystem::path& store);

/// Makes the file with mode 0640 where there is none, and its name durable.
[[nodiscard]] Result<Done> create_durably(const std::filesystem::path& store);

/// Moves the file, its WAL and its shared memory to <path>.corrupt-<UTC time>. Returns the new name.
[[nodiscard]] Result<std::string> set_aside(const std::filesystem::path& store);

/// Main file and WAL.
[[nodiscard]] std::uint64_t size_on_disk(const std::filesystem::path& store);

}  // namespace flopwatt::store
