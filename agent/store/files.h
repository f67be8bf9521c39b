// The store's files: the lock that keeps a second agent out, durable creation, setting aside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "readings/result.h"

namespace flopwatt::store {

/// Holds a lock on <path>.lock for its lifetime. The file is never removed: else two agents could lock two
/// files of one name.
class LockFile {
 public:
  /// Never waits. If another process holds the lock, the fault names the process.
  [[nodiscard]] static Result<LockFile> take(const std::filesystem::path& store);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&&) = delete;
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Fails if `store` exists and was never a store: a directory, a file of another program. Such a file must
/// not be set aside as a damaged store.
[[nodiscard]] Result<Done> refuse_other_files(const std::filesystem::path& store);

/// Makes the file with mode 0640 if there is none, and syncs its directory.
[[nodiscard]] Result<Done> create_durably(const std::filesystem::path& store);

/// Moves the file, its WAL and its shared memory to <path>.corrupt-<UTC time>. Returns the new path.
[[nodiscard]] Result<std::string> set_aside(const std::filesystem::path& store);

/// Bytes of main file and WAL.
[[nodiscard]] std::uint64_t size_on_disk(const std::filesystem::path& store);

}  // namespace flopwatt::store
