// Looks for a library without loading it: code of a vendor runs in guests only.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "readings/result.h"
#include "runtime/async.h"

namespace flopwatt::accelerators {

/// Whether the dynamic linker would find `library`, a name or a path: in the directories of LD_LIBRARY_PATH
/// as this program was started, in those that are built in, and in the linker's cache.
[[nodiscard]] bool is_installed(const std::string& library,
                                const std::filesystem::path& cache = "/etc/ld.so.cache");

/// is_installed() off the loop: one of the directories may be on a network file system that hangs. One loop,
/// one call at a time.
class LibrarySearch {
 public:
  /// As is_installed(). A Fault says that no thread is left, or that `limit` has passed; then the search goes
  /// on, and the next call takes its answer, so that there is never more than one thread.
  awaitable<Result<bool>> find(std::string library, std::chrono::milliseconds limit,
                               std::filesystem::path cache = "/etc/ld.so.cache");

 private:
  struct Search;
  bool begin(const std::string& library, const std::filesystem::path& cache);

  std::shared_ptr<Search> search_;  // null while none runs
};

}  // namespace flopwatt::accelerators
