#include "drivers/accelerators/library_search.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "runtime/threads.h"

namespace flopwatt::accelerators {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error);
}

bool is_in_directories(const std::string& name) {
  void* const program = ::dlopen(nullptr, RTLD_LAZY);  // this program, which is loaded
  Dl_serinfo size{};
  if (program == nullptr || ::dlinfo(program, RTLD_DI_SERINFOSIZE, &size) != 0) return false;
  const auto buffer = std::make_unique<std::max_align_t[]>(size.dls_size / sizeof(std::max_align_t) + 1);
  auto* const info = reinterpret_cast<Dl_serinfo*>(buffer.get());
  if (::dlinfo(program, RTLD_DI_SERINFOSIZE, info) != 0 || ::dlinfo(program, RTLD_DI_SERINFO, info) != 0)
    return false;
  const Dl_serpath* const first = info->dls_serpath;
  return std::ranges::any_of(std::span(first, info->dls_cnt), [&name](const Dl_serpath& directory) {
    return is_there(fs::path(directory.dls_name) / name);
  });
}

/// The cache holds paths, each with a 0 at its end.
bool is_in_cache(const std::string& name, const fs::path& cache) {
  std::ifstream file(cache, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string end = '/' + name + '\0';
  for (auto at = text.find(end); at != std::string::npos; at = text.find(end, at + 1)) {
    const auto before = text.rfind('\0', at);
    const auto begin = before == std::string::npos ? 0 : before + 1;
    if (is_there(text.substr(begin, at + end.size() - 1 - begin))) return true;
  }
  return false;
}

}  // namespace

bool is_installed(const std::string& library, const fs::path& cache) {
  if (library.find('/') != std::string::npos) return is_there(library);
  return is_in_directories(library) || is_in_cache(library, cache);
}

// Shared by the waiting coroutine and the thread.
struct LibrarySearch::Search {
  std::atomic<bool> done = false;
  bool found = false;  // valid once `done` is true
};

bool LibrarySearch::begin(const std::string& library, const fs::path& cache) {
  const auto search = std::make_shared<Search>();
  std::thread thread = start_thread([search, library, cache] {
    search->found = is_installed(library, cache);
    search->done = true;
  });
  if (!thread.joinable()) return false;
  thread.detach();
  search_ = search;
  return true;
}

awaitable<Result<bool>> LibrarySearch::find(std::string library, std::chrono::milliseconds limit,
                                            fs::path cache) {
  using std::chrono::steady_clock;
  constexpr std::chrono::milliseconds shortest_pause(1), longest_pause(100);
  const std::string looking = "looking for " + library;
  if (!search_ && !begin(library, cache)) co_return Fault{FaultClass::device, no_thread_text(looking)};
  const auto end = steady_clock::now() + limit;
  for (auto pause = shortest_pause; !search_->done; pause = std::min(2 * pause, longest_pause)) {
    if (steady_clock::now() >= end)
      co_return Fault{FaultClass::timeout,
                      looking +
                          " does not end: a directory of the dynamic linker may be on a file system "
                          "that hangs"};
    co_await sleep_until(steady_clock::now() + pause);
  }
  co_return std::exchange(search_, nullptr)->found;
}

}  // namespace flopwatt::accelerators
