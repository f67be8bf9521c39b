#include "config/yaml/text_file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace flopwatt {
namespace fs = std::filesystem;
namespace {

std::string reason(const std::error_code& error) {
  return error.message() + (error == std::errc::permission_denied ? "; let this user read it" : "");
}

}  // namespace

TextFile read_text_file(const fs::path& path, std::size_t max_bytes) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return {"", "no such file"};
  if (error) return {"", reason(error)};
  if (fs::is_directory(status)) return {"", "it is a directory"};
  // A pipe or device could block for ever.
  if (!fs::is_regular_file(status)) return {"", "it is not a regular file"};

  std::ifstream stream(path, std::ios::binary);
  if (!stream) return {"", reason({errno, std::generic_category()})};
  std::string text(max_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return {"", "reading failed"};
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > max_bytes) return {"", "it is larger than " + std::to_string(max_bytes / 1024) + " KiB"};
  return {std::move(text), ""};
}

}  // namespace flopwatt
