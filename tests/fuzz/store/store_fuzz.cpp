// A store file that is not what was written, when an agent starts on it: whatever bytes are changed, the agent gets a
// store that takes commits, or a refusal; what is read from it is bounded and ordered, and its counts add up.
//
// The input is either a whole file, where it begins as SQLite's files do, or a list of changes to a good one
// (tests/unit/agent/store/versions/1): four bytes of offset, one of length, and that many bytes.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "agent/store/reader.h"
#include "agent/store/store.h"

namespace {

using namespace flopwatt;
using namespace flopwatt::store;
namespace fs = std::filesystem;

void require(bool good) {
  if (!good) std::abort();
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const std::string& good_store() {
  static const std::string bytes =
      bytes_of(fs::path(FLOPWATT_SOURCE_DIR) / "tests/unit/agent/store/versions/1/flopwatt.db");
  return bytes;
}

std::string file_of(std::string_view input) {
  if (input.starts_with("SQLite")) return std::string(input);
  std::string file = good_store();
  while (input.size() > 5) {
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < 4; ++i) at = at << 8U | static_cast<std::uint8_t>(input[i]);
    const std::size_t length = static_cast<std::uint8_t>(input[4]);
    input.remove_prefix(5);
    const std::string_view change = input.substr(0, length);
    input.remove_prefix(change.size());
    for (std::size_t i = 0; i < change.size(); ++i) file[(at + i) % file.size()] = change[i];
  }
  return file;
}

/// A folder that is emptied before each input.
const fs::path& folder() {
  static const fs::path path = [] {
    const fs::path parent = ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : fs::temp_directory_path();
    return parent / ("flopwatt-store-fuzz-" + std::to_string(::getpid()));
  }();
  return path;
}

void check_sets(const Result<std::vector<StoredSet>>& sets, std::size_t most) {
  if (!sets) return;
  require(sets->size() <= most);
  for (std::size_t i = 0; i < sets->size(); ++i) {
    const StoredSet& stored = (*sets)[i];
    require(i == 0 || (*sets)[i - 1].seq < stored.seq);
    require(stored.set.source != nullptr);
    require(stored.set.values.size() == stored.set.source->fields.size());
  }
}

void export_all(const fs::path& path) {
  const auto reader = Reader::open(path);
  if (!reader) return;
  auto span = (*reader)->span();
  if (!span) return;
  for (int chunks = 0; !span->empty(); ++chunks) {
    require(chunks < 1'000);
    if (!(*reader)->next(*span, [](const Row&) { return true; })) return;
  }
}

void start_on(const fs::path& path) {
  Settings settings;
  settings.path = path;
  settings.exporters = {"ems"};
  settings.first_seq = 1'800'000'000'000'000;
  settings.node = "rack-r12";
  const auto store = Store::open(settings);
  if (!store) return;
  constexpr std::size_t most = 1'000;
  check_sets((*store)->read({0, ~std::uint64_t{0} >> 2}, most), most);
  check_sets((*store)->read_before(~std::uint64_t{0} >> 2, most), most);
  auto committed = (*store)->commit({});
  if (!committed) committed = (*store)->commit({});
  require(committed.has_value());
  const ExporterRecord& record = (*store)->opened().exporters.at("ems");
  require(committed->backlog.at("ems") <= committed->total_readings);
  require(record.delivered <= committed->total_readings || !committed->set_aside.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  require(!good_store().empty());
  const std::string file =
      file_of({reinterpret_cast<const char*>(data), size});  // NOLINT(*-reinterpret-cast): bytes are bytes
  std::error_code ignored;
  fs::remove_all(folder(), ignored);
  fs::create_directory(folder());
  const fs::path path = folder() / "flopwatt.db";
  std::ofstream(path, std::ios::binary) << file;
  export_all(path);
  start_on(path);
  fs::remove_all(folder(), ignored);
  return 0;
}
