// Looks for a library without loading it: code of a vendor runs in guests only.
#pragma once

#include <filesystem>
#include <string>

namespace flopwatt::accelerators {

/// Whether the dynamic linker would find `library`, a name or a path: in the directories of LD_LIBRARY_PATH
/// as this program was started, in those that are built in, and in the linker's cache.
[[nodiscard]] bool is_installed(const std::string& library,
                                const std::filesystem::path& cache = "/etc/ld.so.cache");

}  // namespace flopwatt::accelerators
