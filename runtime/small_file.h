// Small files that an operator puts there and replaces while the agent runs: certificates, passwords.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace flopwatt {

/// Tells one state of a file from the next. All zero: there is no such file.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;  ///< of the content; of content, owner or permissions

  bool operator==(const FileStamp&) const = default;
};

struct SmallFile {
  std::string text;
  std::string failure;  ///< part of a sentence, with a cure: "no such file"; "": the file was read
  FileStamp stamp;      ///< from before the reading: a change meanwhile makes the next stamp another one
};

/// The whole of a regular file of at most `max_bytes`. A pipe is refused and not waited for; a file system that
/// hangs blocks. Any thread.
[[nodiscard]] SmallFile read_small_file(const std::filesystem::path& file, std::size_t max_bytes);

/// The present stamp of the file that the path leads to. A file system that hangs blocks. Any thread.
[[nodiscard]] FileStamp stamp_of(const std::filesystem::path& file);

}  // namespace flopwatt
