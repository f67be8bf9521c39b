// Reads a small text file of a user, up to a limit of size.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace flopwatt {

struct TextFile {
  std::string text;
  std::string failure;  ///< part of a sentence: "no such file"; "" = the file was read
};

/// Reads the whole of a regular file of at most `max_bytes`.
[[nodiscard]] TextFile read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace flopwatt
