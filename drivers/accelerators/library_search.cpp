#include "drivers/accelerators/library_search.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <system_error>

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

}  // namespace flopwatt::accelerators
