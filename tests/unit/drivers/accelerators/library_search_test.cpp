#include "drivers/accelerators/library_search.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <optional>
#include <utility>

namespace flopwatt::accelerators {

namespace fs = std::filesystem;

namespace {

awaitable<void> find_into(std::optional<Result<bool>>& found, awaitable<Result<bool>> search) {
  found = co_await std::move(search);
}

Result<bool> found_by(LibrarySearch& search, const std::string& library, std::chrono::milliseconds limit,
                      const fs::path& cache) {
  asio::io_context io(1);
  std::optional<Result<bool>> found;
  asio::co_spawn(io, find_into(found, search.find(library, limit, cache)),
                 [](std::exception_ptr failure) { REQUIRE_FALSE(failure); });
  io.run();
  REQUIRE(found);
  return *found;
}

}  // namespace

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

TEST_CASE("a search that hangs leaves the loop free, and its answer is taken later") {
  const fs::path folder = fs::temp_directory_path() / ("flopwatt-hang-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const fs::path cache = folder / "cache";  // whose reading waits for a writer
  REQUIRE(::mkfifo(cache.c_str(), 0600) == 0);
  LibrarySearch search;
  const auto hung = found_by(search, "libno-such-vendor.so.1", std::chrono::milliseconds(20), cache);
  REQUIRE_FALSE(hung);
  CHECK(hung.error().fault_class == FaultClass::timeout);
  std::ofstream(cache) << "nothing";
  const auto ended = found_by(search, "libc.so.6", std::chrono::seconds(10), cache);
  REQUIRE(ended);
  CHECK_FALSE(*ended);  // of the first search
  const auto next = found_by(search, "libc.so.6", std::chrono::seconds(10), cache);
  REQUIRE(next);
  CHECK(*next);
  fs::remove_all(folder);
}

}  // namespace flopwatt::accelerators
