#include "exporters/mqtt/password.h"

#include <cerrno>
#include <fstream>
#include <system_error>

namespace flopwatt::mqtt {

Result<std::string> read_password(const std::filesystem::path& file) {
  constexpr std::size_t longest = 65535;
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(longest + 1, '\0');
  if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    return Fault{FaultClass::connection,
                 "reading the password from " + file.string() + ": " +
                     std::generic_category().message(errno != 0 ? errno : EIO),
                 0};
  text.resize(static_cast<std::size_t>(stream.gcount()));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.size() > longest)
    return Fault{FaultClass::connection, "the password in " + file.string() + " is longer than 65535 bytes",
                 0};
  return text;
}

}  // namespace flopwatt::mqtt
