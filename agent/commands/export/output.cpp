#include "agent/commands/export/output.h"

#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace flopwatt::commands {
namespace {

constexpr std::size_t large = std::size_t{64} * 1024;

}  // namespace

bool Output::flush_if_large() { return text_.size() < large ? open_ : flush(); }

bool Output::flush() {
  std::string_view rest = text_;
  while (open_ && !rest.empty()) {
    const ::ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      open_ = false;
      if (errno != EPIPE)
        fault_ = "cannot write standard output: " + std::generic_category().message(errno) +
                 "; make room, or write to another place";
    }
  }
  text_.clear();
  return open_;
}

}  // namespace flopwatt::commands
