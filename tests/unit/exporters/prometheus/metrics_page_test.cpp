#include "exporters/prometheus/metrics_page.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "exporters/prometheus/gzip.h"
#include "readings/quantity.h"
#include "tests/unit/exporters/prometheus/synthetic_snapshot.h"

using namespace flopwatt;
using flopwatt::prometheus::MetricsPage;
using flopwatt::prometheus::PageFormat;

namespace {

// What differs from process to process and from build to build.
bool is_of_the_process(const std::string& line) {
  return line.find("process_") != std::string::npos || line.find("flopwatt_build_info") != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& page) {
  std::istringstream text(page);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::string without_process(const std::string& page) {
  std::string rest;
  for (const std::string& line : lines_of(page))
    if (!is_of_the_process(line)) rest += line + "\n";
  return rest;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path write_temporary(const std::string& name, const std::string& text) {
  const auto path =
      std::filesystem::temp_directory_path() / ("flopwatt-" + std::to_string(::getpid()) + name);
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

bool has(const std::string& page, const std::string& line) {
  return page.find("\n" + line + "\n") != std::string::npos;
}

// n meters of 40 quantities each and what belongs to them.
Snapshot rack_of(std::size_t meters) {
  Snapshot snapshot;
  snapshot.sources.reserve(meters);
  for (std::size_t i = 0; i < meters; ++i) {
    Source source = test::source_of(SourceKind::meter, "meter-" + std::to_string(i));
    ReadingSet set;
    for (int row = 0; row < 4; ++row)
      for (const Channel channel :
           {Channel{Quantity::active_power}, Channel{Quantity::energy_import},
            Channel{Quantity::voltage, Place::l1}, Channel{Quantity::voltage, Place::l2},
            Channel{Quantity::voltage, Place::l3}, Channel{Quantity::current, Place::l1},
            Channel{Quantity::current, Place::l2}, Channel{Quantity::current, Place::l3},
            Channel{Quantity::active_power, Place::l1}, Channel{Quantity::active_power, Place::l2}}) {
        source.fields.push_back({.channel = channel});
        set.values.push_back(static_cast<double>((i * 40 + set.values.size()) * 2'654'435'769U % 1'000'000) /
                             97);
      }
    set.time.wall_us = test::noon_us;
    set.source = std::make_shared<const Source>(std::move(source));
    snapshot.sources.push_back(test::state_of(std::move(set)));
  }
  return snapshot;
}

double cpu_milliseconds() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

}  // namespace

TEST_CASE("the page of a synthetic snapshot, to the letter") {
  const auto check = [](PageFormat format, const std::string& name) {
    const std::string page = without_process(MetricsPage().render(test::synthetic_snapshot(), format));
    const std::filesystem::path golden =
        std::filesystem::path(FLOPWATT_SOURCE_DIR) / "tests/unit/exporters/prometheus/golden" / name;
    const bool same = page == read_file(golden);
    if (!same)
      MESSAGE("the page is in ", write_temporary("-" + name, page).string(), ", compare with ",
              golden.string());
    CHECK(same);
  };
  SUBCASE("classic") { check(PageFormat::classic, "metrics.txt"); }
  SUBCASE("OpenMetrics") { check(PageFormat::openmetrics, "openmetrics.txt"); }
}

TEST_CASE("both formats have the same series and values") {
  MetricsPage page;
  const auto samples = [&](PageFormat format) {
    std::vector<std::string> kept;
    for (const std::string& line : lines_of(page.render(test::synthetic_snapshot(), format)))
      if (line[0] != '#' && !line.starts_with("process_")) kept.push_back(line);
    return kept;
  };
  const auto classic = samples(PageFormat::classic);
  CHECK(classic.size() > 130);
  CHECK(classic == samples(PageFormat::openmetrics));
}

TEST_CASE("branches are shown by their configured label, else by their number") {
  const std::string page = MetricsPage().render(test::synthetic_snapshot());
  CHECK(has(page, R"(flopwatt_meter_branch_power_watts{meter="pdu-a",branch="gpu-01-psu1"} 600.5)"));
  CHECK(has(page, R"(flopwatt_meter_branch_energy_joules_total{meter="pdu-a",branch="gpu-01-psu1"} 36000)"));
  CHECK(has(page, R"(flopwatt_meter_branch_current_amperes{meter="pdu-a",branch="12"} 1.5)"));
  CHECK(page.find(R"(branch_power_watts{meter="pdu-a",branch="12"})") == std::string::npos);
}

TEST_CASE("what a bus and its units cost, by source; the bus is told once") {
  const std::string page = MetricsPage().render(test::synthetic_snapshot());
  CHECK(has(page, R"(flopwatt_bus_turnaround_seconds_total{bus="row-a"} 11.25)"));
  CHECK(has(page, R"(flopwatt_bus_planned_cycle_seconds{bus="row-a"} 0.35)"));
  CHECK(has(page, R"(flopwatt_source_bus_info{source="pdu-b",bus="row-a",unit_id="17"} 1)"));
  CHECK(has(page, R"(flopwatt_source_requests_total{source="pdu-a"} 300)"));
  CHECK(has(page, R"(flopwatt_source_request_failures_total{source="pdu-a",fault="crc"} 1)"));
  CHECK(has(page, R"(flopwatt_source_request_failures_total{source="pdu-a",fault="exception"} 0)"));
  CHECK(has(page, R"(flopwatt_source_quarantined{source="pdu-a"} 0)"));
  CHECK(has(page, R"(flopwatt_source_quarantined{source="pdu-b"} 1)"));
}

TEST_CASE("refused lines of counted work, and the newest reload") {
  Snapshot snapshot = test::synthetic_snapshot();
  const std::string page = MetricsPage().render(snapshot);
  CHECK(has(page, R"(flopwatt_work_rejected_lines_total{reason="unknown_target"} 3)"));
  CHECK(has(page, R"(flopwatt_work_rejected_lines_total{reason="over_budget"} 0)"));
  CHECK(has(page, "flopwatt_config_last_reload_successful 1"));
  snapshot.last_reload_successful = false;
  snapshot.driver_metrics.back().samples.clear();
  const std::string later = MetricsPage().render(snapshot);
  CHECK(has(later, "flopwatt_config_last_reload_successful 0"));
  CHECK(later.find("rejected") == std::string::npos);
}

TEST_CASE("promtool finds nothing to say about the page") {
  const auto page = write_temporary("-page.txt", MetricsPage().render(test::synthetic_snapshot()));
  const auto said = page.string() + ".said";
  const int status =
      std::system(("promtool check metrics < " + page.string() + " > " + said + " 2>&1").c_str());
  CHECK(status == 0);
  CHECK(read_file(said) == "");
  std::filesystem::remove(page);
  std::filesystem::remove(said);
}

TEST_CASE("every series of the quantity table is on the page, in one block each") {
  const std::string page = MetricsPage().render(test::synthetic_snapshot());
  for (const QuantityRow& row : quantity_table()) {
    if (row.series.empty() || row.quantity == Quantity::power_factor) continue;  // unknown in the snapshot
    INFO(row.series);
    CHECK(page.find("\n" + std::string(row.series) + "{") != std::string::npos);
  }
  std::set<std::string> seen;
  for (const std::string& line : lines_of(page)) {
    if (!line.starts_with("# TYPE ")) continue;
    const std::string family = line.substr(7, line.find(' ', 7) - 7);
    INFO(family);
    CHECK(seen.insert(family).second);
  }
}

TEST_CASE("a stale source is absent but for what is never absent") {
  const std::string page = MetricsPage().render(test::synthetic_snapshot());
  CHECK(page.find("meter=\"pdu-b\"") == std::string::npos);
  CHECK(has(page, "flopwatt_source_up{source=\"pdu-b\"} 0"));
  CHECK(has(page, "flopwatt_poll_failures_total{source=\"pdu-b\",fault=\"connection\"} 7"));
  CHECK(page.find("power_watts{accelerator=\"nvidia1\"") == std::string::npos);
  CHECK(
      has(page, R"(flopwatt_pipe_flop_total{accelerator="nvidia1",uuid="GPU-1",precision="fp32"} 2.5e+15)"));
}

TEST_CASE("what was never read starts at 0 where it is never absent") {
  const std::string page = MetricsPage().render(test::synthetic_snapshot());
  CHECK(has(page, R"(flopwatt_pipe_flop_total{accelerator="nvidia2",uuid="GPU-2",precision="fp32"} 0)"));
  CHECK(has(page, "flopwatt_source_last_reading_timestamp_seconds{source=\"nvidia2\"} 0"));
  CHECK(has(page, "flopwatt_polls_total{source=\"nvidia2\"} 0"));
}

TEST_CASE("where workloads may count, known precisions start at 0 and go on from there") {
  MetricsPage page;
  Snapshot snapshot;
  const auto line = [](const std::string& precision, const std::string& value) {
    return R"(flopwatt_counted_flop_total{accelerator="nvidia0",uuid="GPU-0",precision=")" + precision +
           "\"} " + value;
  };
  const auto show = [&](std::vector<std::pair<Channel, double>> counted) {
    ReadingSet set = test::accelerator_set("nvidia0", "GPU-0");
    auto source = std::make_shared<Source>(*set.source);
    std::erase_if(source->fields,
                  [](const Field& field) { return field.channel.quantity == Quantity::counted_work; });
    source->fields.push_back({.channel = {Quantity::peak_rate, Place::fp8}});
    for (const auto& [channel, value] : counted) source->fields.push_back({.channel = channel});
    set.values.assign(source->fields.size() - counted.size(), absent);
    for (const auto& [channel, value] : counted) set.values.push_back(value);
    set.source = source;
    snapshot.sources = {test::state_of(set)};
    return page.render(snapshot);
  };
  CHECK(show({}).find("flopwatt_counted_flop_total") == std::string::npos);
  snapshot.counts_work = true;
  CHECK(has(show({}), line("fp8", "0")));
  CHECK(has(show({}), line("unspecified", "0")));
  const std::string counted = show({{{Quantity::counted_work, Place::fp8}, 3e15}});
  CHECK(has(counted, line("fp8", "3e+15")));
  CHECK(has(counted, line("unspecified", "0")));
}

TEST_CASE("work that is not known for a moment stands still, also while the source is described anew") {
  const std::string line =
      R"(flopwatt_pipe_flop_total{accelerator="nvidia0",uuid="GPU-0",precision="fp32"} 2.5e+15)";
  MetricsPage page;
  Snapshot snapshot;
  snapshot.sources = {test::state_of(test::accelerator_set("nvidia0", "GPU-0"))};
  CHECK(has(page.render(snapshot), line));
  ReadingSet unknown = test::accelerator_set("nvidia0", "GPU-0");  // has a description of its own
  std::ranges::fill(unknown.values, absent);
  snapshot.sources = {test::state_of(unknown)};
  const std::string later = page.render(snapshot);
  CHECK(has(later, line));
  CHECK(later.find("flopwatt_accelerator_power_watts{") == std::string::npos);
}

TEST_CASE("work that is not known for a moment stands still, also while another source goes") {
  const std::string line =
      R"(flopwatt_pipe_flop_total{accelerator="nvidia1",uuid="GPU-1",precision="fp32"} 2.5e+15)";
  MetricsPage page;
  Snapshot snapshot;
  snapshot.sources = {test::state_of(test::accelerator_set("nvidia0", "GPU-0")),
                      test::state_of(test::accelerator_set("nvidia1", "GPU-1"))};
  CHECK(has(page.render(snapshot), line));
  ReadingSet unknown = *snapshot.sources[1].newest;
  std::ranges::fill(unknown.values, absent);
  snapshot.sources = {test::state_of(unknown)};
  CHECK(has(page.render(snapshot), line));
}

TEST_CASE("a source described anew is shown with its new labels") {
  MetricsPage page;
  Snapshot snapshot;
  snapshot.sources = {test::state_of(test::accelerator_set("nvidia0", "GPU-old"))};
  CHECK(page.render(snapshot).find("uuid=\"GPU-old\"") != std::string::npos);
  snapshot.sources = {test::state_of(test::accelerator_set("nvidia0", "GPU-new"))};
  const std::string second = page.render(snapshot);
  CHECK(second.find("uuid=\"GPU-old\"") == std::string::npos);
  CHECK(has(second, R"(flopwatt_accelerator_power_watts{accelerator="nvidia0",uuid="GPU-new"} 310.5)"));
}

TEST_CASE("methods stand side by side; the best of a window and why one has no figure are told") {
  MetricsPage page;
  const std::string text = page.render(test::synthetic_snapshot());
  CHECK(has(text, R"(flopwatt_scope_flop_total{scope="rack-r12",method="pipe"} 1.25e+19)"));
  CHECK(has(text, R"(flopwatt_scope_covered_flop_total{scope="rack-r12",method="pipe"} 1.2e+19)"));
  CHECK(has(text, R"(flopwatt_scope_method_info{scope="rack-r12",window="1m",method="pipe"} 1)"));
  CHECK(has(
      text,
      R"(flopwatt_scope_joules_per_flop_missing{scope="rack-r12",window="15m",method="pipe",reason="coverage"} 1)"));
  CHECK(text.find(R"(missing{scope="rack-r12",window="1m")") == std::string::npos);
}

TEST_CASE("the process tells of itself") {
  const std::string page = MetricsPage().render(Snapshot{});
  std::map<std::string, double> values;
  for (const std::string& line : lines_of(page))
    if (line.starts_with("process_"))
      values[line.substr(0, line.find(' '))] = std::stod(line.substr(line.find(' ')));
  CHECK(values.size() == 7);
  CHECK(values["process_cpu_seconds_total"] > 0);
  CHECK(values["process_open_fds"] >= 3);
  CHECK(values["process_max_fds"] > values["process_open_fds"]);
  CHECK(values["process_threads"] >= 1);
  CHECK(values["process_resident_memory_bytes"] > 1e6);
  CHECK(values["process_virtual_memory_bytes"] > values["process_resident_memory_bytes"]);
  const auto now = static_cast<double>(std::time(nullptr));
  CHECK(values["process_start_time_seconds"] <= now + 1);
  CHECK(values["process_start_time_seconds"] > now - 3600);
}

TEST_CASE("a page of ten thousand series") {
  const Snapshot snapshot = rack_of(200);  // 200 x (40 readings, 10 of the agent, 1 info)
  for (const PageFormat format : {PageFormat::classic, PageFormat::openmetrics}) {
    MetricsPage page;
    const std::string first = page.render(snapshot, format);
    constexpr int rounds = 20;
    double before = cpu_milliseconds();
    for (int i = 0; i < rounds; ++i) CHECK(page.render(snapshot, format).size() >= first.size() - 100);
    const double each = (cpu_milliseconds() - before) / rounds;
    before = cpu_milliseconds();
    std::size_t compressed = 0;
    for (int i = 0; i < rounds; ++i) compressed = flopwatt::prometheus::gzip(first).size();
    const double packing = (cpu_milliseconds() - before) / rounds;
    const auto lines = lines_of(first);
    const auto samples = std::ranges::count_if(lines, [](const std::string& line) { return line[0] != '#'; });
    MESSAGE(content_type_of(format), ": ", samples, " series, ", first.size(), " bytes, ", each,
            " ms CPU; with gzip ", compressed, " bytes, ", each + packing, " ms");
    CHECK(samples > 10'000);
#ifdef NDEBUG
    CHECK(each < 5);
    CHECK(each + packing < 12);
#endif
  }
}
