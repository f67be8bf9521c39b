// Reading a small text file of a user, with a limit on its size.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace flopwatt {

struct TextFile {
  std::string text;
  std::string failure;  ///< why it could not be read, "" = it was; a part of a sentence: "no such file"
};

/// Reads the whole of a regular file of at most `max_bytes`.
[[nodiscard]] TextFile read_text_file(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace flopwatt
