#include "drivers/accelerators/library_search.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

namespace flopwatt::accelerators {

namespace fs = std::filesystem;

TEST_CASE("a library is found by its path and in the linker's own directories") {
  CHECK(is_installed(FAKE_NVML));
  CHECK_FALSE(is_installed(std::string(FAKE_NVML) + ".9"));
  CHECK(is_installed("libc.so.6", "/nowhere"));
  CHECK_FALSE(is_installed("libno-such-vendor.so.1"));
}

TEST_CASE("a library elsewhere is found in the linker's cache, while its file is there") {
  const fs::path folder = fs::temp_directory_path() / ("flopwatt-cache-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const std::string name = "libno-such-vendor.so.1";
  const auto zero = std::string(1, '\0');
  std::ofstream(folder / "cache", std::ios::binary)
      << "glibc-ld.so.cache1.1" << zero << "/opt/x/lib" + name << zero << (folder / name).string() << zero;
  CHECK_FALSE(is_installed(name, folder / "cache"));
  std::ofstream(folder / name) << "x";
  CHECK(is_installed(name, folder / "cache"));
  CHECK_FALSE(is_installed("such-vendor.so.1", folder / "cache"));  // only whole names
  fs::remove_all(folder);
}

}  // namespace flopwatt::accelerators
