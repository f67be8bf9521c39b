// process_*: names and meaning as in "Writing client libraries" of Prometheus' documentation, numbers as in
// proc(5) of the Linux manual.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>
#include <string>

#include "exporters/prometheus/agent_series.h"

namespace flopwatt::prometheus {
namespace {

using ::prometheus::MetricFamily;
using ::prometheus::MetricType;

// The fields of /proc/self/stat that are shown, with their numbers in proc(5).
struct ProcessStat {
  std::uint64_t threads = 0;         // field 20, kernel threads of the process
  std::uint64_t start_ticks = 0;     // field 22, clock ticks since boot
  std::uint64_t virtual_bytes = 0;   // field 23, bytes of address space
  std::uint64_t resident_pages = 0;  // field 24, pages in memory
};

std::optional<ProcessStat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // The program's name may hold blanks and brackets: fields are counted from the last ')', after field 2.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(name_end + 1));
  std::array<std::string, 25> fields;
  for (std::size_t i = 3; i < fields.size(); ++i) rest >> fields.at(i);
  ProcessStat stat;
  if (!(std::istringstream(fields[20] + ' ' + fields[22] + ' ' + fields[23] + ' ' + fields[24]) >>
        stat.threads >> stat.start_ticks >> stat.virtual_bytes >> stat.resident_pages))
    return std::nullopt;
  return stat;
}

std::optional<double> boot_time_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string key; file >> key; file.ignore(std::numeric_limits<std::streamsize>::max(), '\n')) {
    double seconds = 0;
    if (key == "btime" && file >> seconds) return seconds;
  }
  return std::nullopt;
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

std::optional<double> open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return std::nullopt;
  return static_cast<double>(std::distance(begin(entries), end(entries)) - 1);  // less that of this look
}

}  // namespace

std::vector<MetricFamily> ProcessSeries::Collect() const {
  std::vector<MetricFamily> families;
  const auto add = [&](const char* name, const char* help, MetricType type, std::optional<double> value) {
    if (!value) return;
    MetricFamily& family = families.emplace_back(MetricFamily{name, help, type, {}});
    auto& metric = family.metric.emplace_back();
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  };
  add("process_cpu_seconds_total", "User and system CPU time spent.", MetricType::Counter, cpu_seconds());
  add("process_open_fds", "Open file descriptors.", MetricType::Gauge, open_descriptors());
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0)
    add("process_max_fds", "File descriptors that may be open.", MetricType::Gauge,
        static_cast<double>(descriptors.rlim_cur));
  if (const auto stat = read_stat()) {
    add("process_virtual_memory_bytes", "Virtual memory size.", MetricType::Gauge,
        static_cast<double>(stat->virtual_bytes));
    add("process_resident_memory_bytes", "Resident memory size.", MetricType::Gauge,
        static_cast<double>(stat->resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    add("process_threads", "Threads of the process.", MetricType::Gauge, static_cast<double>(stat->threads));
    if (const auto boot = boot_time_seconds())
      add("process_start_time_seconds", "When the process started.", MetricType::Gauge,
          *boot + static_cast<double>(stat->start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  }
  return families;
}

}  // namespace flopwatt::prometheus
