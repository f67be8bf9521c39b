#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <iostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands/commands.h"
#include "agent/commands/read/running_agent.h"
#include "agent/commands/read/survey.h"
#include "config/load.h"
#include "drivers/registry.h"
#include "exporters/registry.h"
#include "readings/two_samples.h"
#include "runtime/async.h"
#include "runtime/exit_code.h"
#include "runtime/log.h"

namespace flopwatt::commands {
namespace {

using namespace std::chrono_literals;
using Vendors = std::span<const accelerators::Vendor>;

/// After it whoever has not answered is down. A library that starts its devices takes up to half of it.
constexpr auto longest_read = 60s;
constexpr auto look_again = 20ms;
/// Two samples of an accelerator are this far apart.
constexpr auto accelerator_interval = 500ms;

/// Reads every source of `loaded` once, by the agent's own drivers.
class Reader {
 public:
  Reader(const Loaded& loaded, Vendors vendors) : drivers_(make_drivers(loaded, vendors)) {}

  awaitable<void> run() {
    std::vector<awaitable<void>> tasks;
    for (const auto& driver : drivers_) tasks.push_back(driver->run(survey_));
    tasks.push_back(wait_until_complete());
    co_await run_until_first_ends(std::move(tasks));
  }

  [[nodiscard]] std::vector<ReadingSet> sets() const { return survey_.sets(); }

  void report(Report& report) const {
    const auto why_absent = [this](SourceId id, Channel channel) {
      for (const auto& driver : drivers_)
        if (std::string reason = driver->why_absent(id, channel); !reason.empty()) return reason;
      return std::string();
    };
    const std::string late = "no answer within " + std::to_string(longest_read.count()) + " s";
    std::ranges::move(survey_.reports(why_absent, late), std::back_inserter(report.sources));
    for (const auto& driver : drivers_) {
      const Inventory inventory = driver->inventory();
      if (!inventory.trouble.empty()) report.troubles.push_back(inventory.trouble);
    }
  }

 private:
  awaitable<void> wait_until_complete() {
    const auto deadline = std::chrono::steady_clock::now() + longest_read;
    do {
      co_await sleep_until(std::chrono::steady_clock::now() + look_again);
    } while (!complete() && std::chrono::steady_clock::now() < deadline);
  }

  [[nodiscard]] bool complete() const {
    return survey_.complete() &&
           std::ranges::all_of(drivers_, [](const auto& driver) { return driver->inventory().complete; });
  }

  Survey survey_;
  std::vector<std::unique_ptr<Driver>> drivers_;
};

/// Once means once: the first poll comes within a second, however long the interval, and no other follows.
void poll_once(Config& config) {
  for (MeterConfig& meter : config.meters) meter.interval = 1h;
  for (auto& [vendor, accelerators] : config.accelerators) accelerators.interval = accelerator_interval;
}

const ReadingSet* find_set(const std::vector<ReadingSet>& sets, const std::string& source) {
  const auto found =
      std::ranges::find_if(sets, [&](const ReadingSet& set) { return set.source->name == source; });
  return found == sets.end() ? nullptr : &*found;
}

/// Puts what `later` says against `first` into the reports. Returns whether still later samples may say more.
bool tell_contradictions(const std::vector<ReadingSet>& first, const std::vector<ReadingSet>& later,
                         Report& report) {
  bool is_open = false;
  for (const ReadingSet& before : first) {
    const ReadingSet* after = find_set(later, before.source->name);
    if (after == nullptr || after->source->fields != before.source->fields) continue;
    ComparedSamples compared = compare_samples(before, *after);
    is_open = is_open || compared.is_open;
    const auto told = std::ranges::find(report.sources, before.source->name, &SourceReport::name);
    if (told != report.sources.end()) told->contradictions = std::move(compared.contradictions);
  }
  return is_open;
}

/// Reads the meters once more that have something to compare: registers beside power, signs of power.
awaitable<void> compare(Loaded loaded, const std::vector<ReadingSet>& first, Report& report) {
  const auto begin = std::chrono::steady_clock::now();
  double wait_s = 0;
  std::erase_if(loaded.config.meters, [&](const MeterConfig& meter) {
    const ReadingSet* set = find_set(first, meter.name);
    const auto needed = set == nullptr ? std::nullopt : seconds_to_compare(*set);
    wait_s = std::max(wait_s, needed.value_or(0));
    return !needed;
  });
  if (loaded.config.meters.empty()) co_return;
  if (::isatty(STDERR_FILENO) == 1)
    std::cerr << "flopwatt read: a second sample of the meters follows, to compare registers with power\n";
  bool is_open = true;
  while (is_open) {
    co_await sleep_until(
        begin + std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::duration<double>(wait_s)));
    Reader reader(loaded, {});
    co_await reader.run();
    is_open = tell_contradictions(first, reader.sets(), report) && wait_s < longest_comparison_s;
    wait_s = longest_comparison_s;
  }
}

awaitable<void> read_all(Loaded& loaded, Vendors vendors, const AgentAccess& access, Report& report) {
  Config& config = loaded.config;
  if (const auto agent = co_await ask_running_agent(config, access, report.notes)) {
    report.scopes = scopes_of(agent->scopes, config);
    report.sources = take_from(*agent, vendors, config);
    if (!report.sources.empty())
      report.notes.push_back("the agent of this node runs (" + agent->where +
                             "): what it polls is shown from there");
  }
  poll_once(config);
  std::vector<ReadingSet> first;
  {
    Reader reader(loaded, vendors);
    co_await reader.run();
    reader.report(report);
    first = reader.sets();
  }
  co_await compare(loaded, first, report);
}

}  // namespace

int read_sources(const std::filesystem::path& config_file, OutputFormat format,
                 const AccessArguments& arguments, Vendors vendors) {
  Loaded loaded = load_config(config_file, default_data_paths(),
                              {accelerators::keys_of(vendors), sections_of(exporter_kinds())});
  if (loaded.has_errors()) {
    for (const Finding& finding : loaded.findings) std::cerr << finding.text() << '\n';
    return exit_configuration;
  }
  const auto access = make_access(arguments, loaded.web_config);
  if (!access) {
    std::cerr << "flopwatt read: " << access.error().message << '\n';
    return exit_configuration;
  }
  log::silence();  // what drivers would log stands in the report

  Report report;
  asio::io_context loop{1};
  std::exception_ptr failure;
  asio::co_spawn(loop, read_all(loaded, vendors, *access, report),
                 [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
  loop.run();
  if (failure) std::rethrow_exception(failure);

  for (const std::string& note : report.notes) std::cerr << "flopwatt read: " << note << '\n';
  std::cout << (format == OutputFormat::json ? json_text(report) : table_text(report)) << std::flush;
  for (const std::string& trouble : report.troubles) std::cerr << "flopwatt read: " << trouble << '\n';
  if (report.sources.empty() && report.troubles.empty())
    std::cerr << "flopwatt read: there is no source: the configuration has no meters, and no accelerator was "
                 "found\n";
  return report.all_good() ? exit_good : exit_device;
}

}  // namespace flopwatt::commands
