// The store's files: the lock that keeps a second agent out, durable creation, setting aside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "readings/result.h"

namespace flopwatt::store {

inline constexpr ::mode_t file_mode = 0640;  ///< of all files of the store

/// The mark that says which seqs may have been given out: seq_mark.h.
[[nodiscard]] std::filesystem::path mark_path(const std::filesystem::path& store);

/// "cannot <tried> <path>: <error>", with a cure.
[[nodiscard]] Fault system_fault(const std::string& tried, const std::filesystem::path& path, int error);

/// Syncs the directory that `file` is in.
[[nodiscard]] Result<Done> sync_directory_of(const std::filesystem::path& file);

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
/// not be set aside as a damaged store. A file whose beginning is damaged was a store if it has the store's
/// application id, or a write-ahead log, a lock or a mark of an agent beside it.
[[nodiscard]] Result<Done> refuse_other_files(const std::filesystem::path& store);

/// Whether the bytes of the file's header that never change are as SQLite writes them. Some of them would make
/// SQLite take a damaged file for one that may only be read. A file without a header is sound.
[[nodiscard]] bool has_sound_header(const std::filesystem::path& store);

/// Renames the file, and syncs its directory. One that has the new name is replaced.
[[nodiscard]] Result<Done> rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// Fails where the file system has no room for `bytes` more.
[[nodiscard]] Result<Done> require_room(const std::filesystem::path& store, std::uint64_t bytes);

/// Makes the file with mode 0640 if there is none, and syncs its directory.
[[nodiscard]] Result<Done> create_durably(const std::filesystem::path& store);

/// Moves the file, its WAL and its shared memory to <path>.corrupt-<UTC time>. Returns the new path. The mark
/// stays: no seq of the damaged file may be given out again.
[[nodiscard]] Result<std::string> set_aside(const std::filesystem::path& store);

/// Moves the files with these suffixes ("", "-wal"), in this order, to <path>.<label>-<UTC time>. Returns the new
/// path, without a suffix.
[[nodiscard]] Result<std::string> move_away(const std::filesystem::path& store, std::string_view label,
                                            std::span<const std::string_view> suffixes);

/// Bytes of main file and WAL.
[[nodiscard]] std::uint64_t size_on_disk(const std::filesystem::path& store);

}  // namespace flopwatt::store
